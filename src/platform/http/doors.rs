//! The table of routes. A route is declared once, with who may use it; router and table are made from that same line,
//! so no route can be missing from the table, and the tests walk the table.

use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::routing::{MethodFilter, on};

use super::lean::{Before, Lean, LeanDoor, Quick, QuickDoor};
use crate::platform::App;

/// Who may pass a door. Finer questions (whose key, which role in which organization) are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// Somebody who is signed in.
    Person,
    /// A program with a key.
    Key,
    /// The one who runs the server: a token, or a call from the same machine.
    Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
}

#[derive(Default)]
pub struct Doors {
    router: Router<App>,
    lean: Vec<LeanDoor>,
    quick: Vec<QuickDoor>,
    list: Vec<Door>,
}

impl Doors {
    pub fn get<H, T>(self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.door(Method::GET, MethodFilter::GET, path, who, handler)
    }

    pub fn post<H, T>(self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.door(Method::POST, MethodFilter::POST, path, who, handler)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that adds routes")]
    fn door<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        who: Who,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Door { method, path, who });
        self
    }

    pub fn patch<H, T>(self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.door(Method::PATCH, MethodFilter::PATCH, path, who, handler)
    }

    pub fn put<H, T>(self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.door(Method::PUT, MethodFilter::PUT, path, who, handler)
    }

    /// A door that stands outside of the stack and the router: it is asked so often that it does for itself, in fewer
    /// steps, what they do for the others (`super::lean`). One method on a path without parameters.
    pub fn lean(mut self, method: Method, path: &'static str, who: Who, handler: Lean) -> Self {
        self.lean.push(LeanDoor { method: method.clone(), path, handler });
        self.list.push(Door { method, path, who });
        self
    }

    /// What is posted to a door that is here already may be answered before the stack (`super::lean::Quick`).
    pub fn quick(
        mut self,
        path: &'static str,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        answer: Quick,
    ) -> Self {
        self.quick.push(QuickDoor { path, answer, headers: headers.into_iter().collect() });
        self
    }

    /// Another slice's doors beside these.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.lean.extend(other.lean);
        self.quick.extend(other.quick);
        self.list.extend(other.list);
        self
    }

    pub fn list(&self) -> &[Door] {
        &self.list
    }

    /// Those within the stack, and what stands before it.
    pub fn into_parts(self) -> (Router<App>, Before) {
        (self.router, Before { lean: self.lean, quick: self.quick })
    }
}
