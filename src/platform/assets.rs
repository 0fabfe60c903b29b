//! The front end's files: scripts, styles, fonts. A release binary carries them (feature `embed`), compressed when it
//! was built; otherwise they are read from the site folder at each request, so that `make dev` shows a change at once.
//!
//! They live under `/assets/<hash of all of them>/`: such an address never changes its content and is kept by browsers
//! for ever, and a new build has new addresses. Style sheets reach fonts by relative addresses and follow along.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

#[derive(Clone)]
pub struct Assets(Source);

#[derive(Clone)]
enum Source {
    Folder(PathBuf),
    /// Path → file, compressed forms under their own names with `.br` and `.gz`.
    #[cfg_attr(not(feature = "embed"), expect(dead_code, reason = "only a release carries its files"))]
    Carried {
        files: Arc<HashMap<String, Cow<'static, [u8]>>>,
        hash: Arc<str>,
    },
}

impl Assets {
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self(Source::Folder(path.into()))
    }

    /// For commands that serve nothing.
    pub fn none() -> Self {
        Self::folder("")
    }

    #[cfg(feature = "embed")]
    pub fn carried() -> Self {
        use std::hash::{DefaultHasher, Hash, Hasher};

        #[derive(rust_embed::RustEmbed)]
        #[folder = "target/release-front"]
        struct Site;

        let mut names: Vec<_> = Site::iter().collect();
        names.sort();
        let mut hasher = DefaultHasher::new();
        let mut files = HashMap::new();
        for name in names {
            if let Some(file) = Site::get(&name) {
                name.hash(&mut hasher);
                file.metadata.sha256_hash().hash(&mut hasher);
                files.insert(name.into_owned(), file.data);
            }
        }
        Self(Source::Carried { files: Arc::new(files), hash: format!("{:016x}", hasher.finish()).into() })
    }

    /// Without a slash at either end: where `pkg`, `fonts` and the like are found.
    pub fn base(&self) -> String {
        match &self.0 {
            Source::Folder(_) => "assets/now".to_owned(),
            Source::Carried { hash, .. } => format!("assets/{hash}"),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("/{}/{path}", self.base())
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &self.0 {
            Source::Carried { files, .. } => files.get(path).cloned(),
            Source::Folder(root) => {
                let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
                let file = plain.then(|| root.join(path))?;
                tokio::fs::read(file).await.ok().map(Cow::Owned)
            }
        }
    }

    /// Is this the hash in the addresses of the files it carries?
    pub(super) fn carries(&self, hash: &str) -> bool {
        matches!(&self.0, Source::Carried { hash: carried, .. } if **carried == *hash)
    }

    pub(super) async fn respond(&self, path: &str, asked: &HeaderMap, keep: HeaderValue) -> Option<Response> {
        let mime = mime(path)?;
        let mut encoding = None;
        let mut found = None;
        for (name, suffix) in [("br", ".br"), ("gzip", ".gz")] {
            if found.is_none() && accepts(asked, name) {
                found = self.read(&format!("{path}{suffix}")).await;
                encoding = found.is_some().then_some(name);
            }
        }
        let bytes = match found {
            Some(bytes) => bytes,
            None => self.read(path).await?,
        };
        let body = match bytes {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        let mut response = (StatusCode::OK, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
        headers.insert(header::CACHE_CONTROL, keep);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(name) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Some(response)
    }
}

fn mime(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// `q=0` refuses an encoding; everything else that names it accepts it.
fn accepts(asked: &HeaderMap, encoding: &str) -> bool {
    let texts = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !words.any(|word| matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_as_browsers_and_proxies_write_them() {
        let mut asked = HeaderMap::new();
        asked.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=1.0, BR , zstd;q=0"));
        assert!(accepts(&asked, "br") && accepts(&asked, "gzip"));
        assert!(!accepts(&asked, "zstd") && !accepts(&asked, "deflate"));
    }

    #[tokio::test]
    async fn nothing_outside_of_the_site_folder_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("public");
        let assets = Assets::folder(root);
        assert!(assets.read("favicon.svg").await.is_some());
        for path in ["../Cargo.toml", "/etc/hostname", "fonts/../../Cargo.toml", "./favicon.svg", ""] {
            assert!(assets.read(path).await.is_none(), "{path}");
        }
    }
}
