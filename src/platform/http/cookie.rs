//! Reads one cookie of a request. Invalid headers are ignored and never make a request fail.

use axum::http::{HeaderMap, header};

/// The value of the first cookie with this name. Pairs that are not UTF-8 are skipped.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim_matches([' ', '\t']).split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).expect("a header"));
        }
        cookie(&headers, "theme").map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(read(&[b"theme=dark"]).as_deref(), Some("dark"));
        assert_eq!(read(&[b"a=1; theme=dark;b=2"]).as_deref(), Some("dark"));
        assert_eq!(read(&[b"a=1", b"theme=dark; theme=light"]).as_deref(), Some("dark"));
        assert_eq!(read(&[b"theme=a=b"]).as_deref(), Some("a=b"));
    }

    #[test]
    fn invalid_pairs_are_skipped() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[b""]), None);
        assert_eq!(read(&[b";;=;theme"]), None);
        assert_eq!(read(&[b"xtheme=dark"]), None);
        assert_eq!(read(&[b"a=\xff\xfe; theme=dark"]).as_deref(), Some("dark"));
        assert_eq!(read(&[b"theme=\xff"]), None);
    }
}
