//! The body of a report: a list of tokens, or what a scanner has found, in the form of GitHub's secret scanning.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::platform::Secret;
use crate::shared::{hides_token, is_invisible};

/// The maximum number of tokens in a report.
pub const MAX_TOKENS: usize = 100;
/// The maximum number of characters of a text that is stored. Longer texts are truncated.
const MAX_TEXT_CHARS: usize = 500;
/// Replaces a text that contains a token.
const HIDDEN: &str = "(not stored, because it contains a key)";

/// A report in one of the accepted forms
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum LeakReportBody {
    Tokens(TokenList),
    Findings(Vec<Finding>),
}

#[derive(Deserialize, ToSchema)]
pub struct TokenList {
    /// Complete tokens; anything else is ignored
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100)]
    tokens: Vec<Secret>,
}

/// A token and where it was found. Further fields are ignored
#[derive(Deserialize, ToSchema)]
pub struct Finding {
    #[schema(value_type = String)]
    token: Secret,
    /// Where it was found; at most 500 characters are shown, as text and never as a link
    #[serde(default)]
    url: Option<String>,
    /// Who found it, or the kind of place where it was found; at most 500 characters are shown
    #[serde(default)]
    source: Option<String>,
}

/// A token that may be one of ours, with texts that are safe to store and to show.
pub struct ReportedToken {
    pub token: Secret,
    pub url: String,
    pub source: String,
}

/// Reads a body. The error is a sentence for the sender, and never repeats the body.
pub fn read(body: &[u8]) -> Result<Vec<ReportedToken>, String> {
    let report: LeakReportBody = serde_json::from_slice(body).map_err(|_| {
        "The body is neither {\"tokens\": […]} nor a list of {\"token\", \"url\", \"source\"}.".to_owned()
    })?;
    let found: Vec<Finding> = match report {
        LeakReportBody::Tokens(TokenList { tokens }) => {
            tokens.into_iter().map(|token| Finding { token, url: None, source: None }).collect()
        }
        LeakReportBody::Findings(found) => found,
    };
    if found.is_empty() {
        return Err("The report contains no token.".to_owned());
    }
    if found.len() > MAX_TOKENS {
        return Err(format!("A report contains at most {MAX_TOKENS} tokens; this one has {}.", found.len()));
    }
    let secrets: Vec<String> =
        found.iter().filter_map(|finding| secret_part(finding.token.expose())).collect();
    let found = found.into_iter().map(|Finding { token, url, source }| ReportedToken {
        token,
        url: sanitized(&url.unwrap_or_default(), &secrets),
        source: sanitized(&source.unwrap_or_default(), &secrets),
    });
    Ok(found.collect())
}

/// The part of a token that only its holder knows. None for texts that are too short to be one.
fn secret_part(token: &str) -> Option<String> {
    const MIN_LENGTH: usize = 20;
    let secret = token.rsplit('_').next().unwrap_or_default();
    (secret.len() >= MIN_LENGTH).then(|| secret.to_owned())
}

/// Removes invisible characters and truncates the text. A text that contains a token, or a secret of the report, is replaced.
fn sanitized(text: &str, secrets: &[String]) -> String {
    let visible: String = text.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let letters: String = visible.chars().filter(char::is_ascii_alphanumeric).collect();
    if hides_token(&visible) || secrets.iter().any(|secret| letters.contains(secret)) {
        return HIDDEN.to_owned();
    }
    visible.chars().take(MAX_TEXT_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<(String, String, String)> {
        let found = read(body.as_bytes()).expect("a report");
        found.into_iter().map(|found| (found.token.expose().to_owned(), found.url, found.source)).collect()
    }

    #[test]
    fn tokens_and_findings_are_read() {
        let none = String::new;
        assert_eq!(
            texts(r#"{"tokens": ["a", ""]}"#),
            [("a".to_owned(), none(), none()), (none(), none(), none())]
        );
        let body = r#"[{"token": "a", "type": "t", "url": "https://x/<b>", "source": "commit", "n": 1}, {"token": "b", "url": null}]"#;
        let first = ("a".to_owned(), "https://x/<b>".to_owned(), "commit".to_owned());
        assert_eq!(texts(body), [first, ("b".to_owned(), none(), none())]);
    }

    #[test]
    fn malformed_reports_are_refused_without_repeating_them() {
        let many = |count| format!("{{\"tokens\": [{}]}}", vec!["\"secret\""; count].join(","));
        assert!(read(many(100).as_bytes()).is_ok());
        for wrong in [
            "",
            "null",
            "[]",
            "{}",
            "secret",
            "\"secret\"",
            "{\"tokens\": []}",
            "{\"tokens\": \"secret\"}",
            "{\"tokens\": [1]}",
            "[\"secret\"]",
            "[{\"url\": \"secret\"}]",
            "[{\"token\": null}]",
            "[{\"token\": \"secret\", \"url\": 1}]",
            "{\"tokens\": [\"secret\"]} x",
            &"[".repeat(10_000),
            &many(101),
        ] {
            let why = read(wrong.as_bytes()).map(drop).expect_err(wrong);
            assert!(!why.contains("secret"), "{why}");
        }
        assert!(read(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn texts_are_visible_short_and_contain_no_token() {
        assert_eq!(sanitized(" a\0b\n\u{202e}c\u{200b} ", &[]), "abc");
        assert_eq!(sanitized(&"é".repeat(501), &[]), "é".repeat(500));
        let secret = "k".repeat(49);
        let token = format!("ak_live_0AZaz9b8C7d6_{secret}");
        let (start, end) = token.split_at(40);
        for text in [
            format!("https://x/?q={token}"),
            format!("https://x/?q={}", token.replace('_', "%5F")),
            format!("https://x/?q={}", token.replace('_', "%255F")),
            format!("{}{token}", "x/".repeat(400)),
            token.replace('_', "."),
            token.replace('_', " "),
        ] {
            assert_eq!(sanitized(&text, &[]), HIDDEN, "{text}");
        }
        for separator in ["\n", "\r\n", "\t", "\0", "\u{85}", "\u{1b}", "\n > ", "\u{200b}"] {
            assert_eq!(sanitized(&format!("{start}{separator}{end}"), &[]), HIDDEN, "{separator:?}");
        }
        let secrets = [secret_part(&token).expect("a secret")];
        for text in [format!("found {secret}"), token.replace('_', "&#95;")] {
            assert_eq!(sanitized(&text, &secrets), HIDDEN, "{text}");
        }
        let address = format!("https://github.com/o/r/blob/{}/deploy.sh", "0123456789abcdef".repeat(4));
        assert_eq!(sanitized(&address, &secrets), address);
    }
}
