//! The table of routes. A route is declared once, with who may use it; router and table are made from that same line,
//! so no route can be missing from the table, and the tests walk the table.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use super::fast_path::{FastHandler, FastRoute, RequestMatch};
use crate::platform::App;

/// Who a route is for. Finer questions (whose key, which role in which organization) are answered by the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Anyone,
    /// Somebody who is signed in.
    Person,
    /// A program with a key.
    Key,
    /// The one who runs the server: a token, or a call from the same machine.
    Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub audience: Audience,
}

#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    fast: Vec<FastRoute>,
    list: Vec<Route>,
}

impl Routes {
    pub fn get<H, T>(self, path: &'static str, audience: Audience, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::GET, MethodFilter::GET, path, audience, handler)
    }

    pub fn post<H, T>(self, path: &'static str, audience: Audience, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::POST, MethodFilter::POST, path, audience, handler)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that adds routes")]
    fn route<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        audience: Audience,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path, audience });
        self
    }

    pub fn patch<H, T>(self, path: &'static str, audience: Audience, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::PATCH, MethodFilter::PATCH, path, audience, handler)
    }

    pub fn put<H, T>(self, path: &'static str, audience: Audience, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::PUT, MethodFilter::PUT, path, audience, handler)
    }

    /// A route that bypasses the router and the middleware stack because it is called at every request of somebody's API
    /// (`super::fast_path`). It has one method and a path without parameters.
    pub fn fast(
        mut self,
        method: Method,
        path: &'static str,
        audience: Audience,
        handler: FastHandler,
    ) -> Self {
        self.fast.push(FastRoute { requests: RequestMatch::Exactly(method.clone()), path, handler });
        self.list.push(Route { method, path, audience });
        self
    }

    /// The same for any method and every path below `path`. The table of routes lists it with GET.
    pub fn fast_below(mut self, path: &'static str, audience: Audience, handler: FastHandler) -> Self {
        self.fast.push(FastRoute { requests: RequestMatch::AnyBelow, path, handler });
        self.list.push(Route { method: Method::GET, path, audience });
        self
    }

    /// Adds another slice's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.fast.extend(other.fast);
        self.list.extend(other.list);
        self
    }

    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router that goes inside the stack, and the routes that bypass it.
    pub fn into_parts(self) -> (Router<App>, Vec<FastRoute>) {
        (self.router, self.fast)
    }
}
