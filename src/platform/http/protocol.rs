//! The protocol of a path decides what errors look like below that path, and which sites may send changes there. Unknown paths
//! below it get the same form of error.

use std::sync::Arc;

use axum::response::Response;

use crate::platform::Problem;

#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    /// Pages with cookies. Errors are pages, or problem+json for clients that do not ask for HTML. Changes must come from this
    /// origin.
    Pages,
    /// problem+json, and no cookies.
    Api,
    /// Errors in a form of the protocol's own, and no cookies. Pages of other sites may not call it.
    Custom(fn(&Problem) -> Response),
}

/// The protocols by the path below which they apply. All other paths have `Protocol::Pages`.
#[derive(Clone, Default)]
pub struct Protocols(Arc<[(&'static str, Protocol)]>);

impl Protocols {
    pub fn new(protocols: Vec<(&'static str, Protocol)>) -> Self {
        Self(protocols.into())
    }

    pub fn of(&self, path: &str) -> Protocol {
        let is_below = |folder: &str| {
            path.strip_prefix(folder).is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let found = self.0.iter().filter(|(folder, _)| is_below(folder));
        found.max_by_key(|(folder, _)| folder.len()).map_or(Protocol::Pages, |(_, protocol)| *protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_folder_decides() {
        fn custom(_: &Problem) -> Response {
            Response::default()
        }
        let protocols =
            Protocols::new(vec![("/api", Protocol::Api), ("/api/login", Protocol::Custom(custom))]);
        for (path, expected) in [
            ("/", "Pages"),
            ("/apiary", "Pages"),
            ("/api", "Api"),
            ("/api/v1/keys", "Api"),
            ("/api/login", "Custom"),
            ("/api/login/x", "Custom"),
            ("/api/logins", "Api"),
        ] {
            assert!(format!("{:?}", protocols.of(path)).starts_with(expected), "{path}");
        }
    }
}
