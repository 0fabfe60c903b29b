//! The files of the front end: scripts, styles, fonts. A release binary embeds them (feature `embed`), together with their
//! compressed forms. Otherwise they are read from the site folder at each request, so that `make dev` shows changes at once.
//!
//! Their addresses begin with `/assets/<hash of all files>/`. The content of such an address never changes, so browsers cache it
//! for ever, and a new build has new addresses. Style sheets refer to fonts by relative addresses, which include the hash too.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

#[derive(Clone)]
pub struct Assets(AssetSource);

#[derive(Clone)]
enum AssetSource {
    Folder(PathBuf),
    /// Files by path. Compressed forms have the suffixes `.br` and `.gz`.
    #[cfg_attr(not(feature = "embed"), expect(dead_code, reason = "only a release embeds its files"))]
    Embedded {
        files: Arc<HashMap<String, Cow<'static, [u8]>>>,
        hash: Arc<str>,
    },
}

impl Assets {
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self(AssetSource::Folder(path.into()))
    }

    /// For commands that serve no pages.
    pub fn none() -> Self {
        Self::folder("")
    }

    #[cfg(feature = "embed")]
    pub fn embedded() -> Self {
        use std::hash::{DefaultHasher, Hash, Hasher};

        #[derive(rust_embed::RustEmbed)]
        #[folder = "target/release-front"]
        struct EmbeddedSite;

        let mut names: Vec<_> = EmbeddedSite::iter().collect();
        names.sort();
        let mut hasher = DefaultHasher::new();
        let mut files = HashMap::new();
        for name in names {
            if let Some(file) = EmbeddedSite::get(&name) {
                name.hash(&mut hasher);
                file.metadata.sha256_hash().hash(&mut hasher);
                files.insert(name.into_owned(), file.data);
            }
        }
        Self(AssetSource::Embedded {
            files: Arc::new(files),
            hash: format!("{:016x}", hasher.finish()).into(),
        })
    }

    /// The path that contains `pkg`, `fonts` and so on, without a slash at either end.
    pub fn base(&self) -> String {
        match &self.0 {
            AssetSource::Folder(_) => "assets/now".to_owned(),
            AssetSource::Embedded { hash, .. } => format!("assets/{hash}"),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("/{}/{path}", self.base())
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &self.0 {
            AssetSource::Embedded { files, .. } => files.get(path).cloned(),
            AssetSource::Folder(root) => {
                let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
                let file = is_plain.then(|| root.join(path))?;
                tokio::fs::read(file).await.ok().map(Cow::Owned)
            }
        }
    }

    /// Whether this is the hash of the embedded files.
    pub(super) fn has_hash(&self, hash: &str) -> bool {
        matches!(&self.0, AssetSource::Embedded { hash: current, .. } if **current == *hash)
    }

    /// A response with the file, compressed if the client accepts that. None if there is no such file.
    pub(super) async fn respond(
        &self,
        path: &str,
        request: &HeaderMap,
        cache_control: HeaderValue,
    ) -> Option<Response> {
        let mime = mime(path)?;
        let mut encoding = None;
        let mut found = None;
        for (name, suffix) in [("br", ".br"), ("gzip", ".gz")] {
            if found.is_none() && accepts(request, name) {
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
        headers.insert(header::CACHE_CONTROL, cache_control);
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

/// Whether `Accept-Encoding` names the encoding, except with `q=0`.
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let texts = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        is_named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_as_browsers_and_proxies_write_them() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=1.0, BR , zstd;q=0"));
        assert!(accepts(&headers, "br") && accepts(&headers, "gzip"));
        assert!(!accepts(&headers, "zstd") && !accepts(&headers, "deflate"));
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
