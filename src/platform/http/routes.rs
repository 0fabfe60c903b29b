//! The table of routes. A route is declared once, with its audience. The router, the list of routes that tests check, and
//! the OpenAPI description are built from that declaration, so none of them can miss a route.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use utoipa::openapi::{ComponentsBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use super::fast_path::{FastHandler, FastRoute, RequestMatch};
use super::protocol::{Protocol, Protocols};
use crate::platform::App;

/// Who a route is for. The services check everything finer, such as the owner of a key or the role in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Anyone,
    /// People who are signed in.
    Person,
    /// Programs with an API key.
    Key,
    /// The operator of the server, who has a token or calls from the same machine.
    Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub audience: Audience,
    /// Whether it is refused while the database is away.
    pub needs_database: bool,
}

#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    fast: Vec<FastRoute>,
    list: Vec<Route>,
    description: OpenApi,
    protocols: Vec<(&'static str, Protocol)>,
}

impl Routes {
    pub fn get<T: 'static>(
        self,
        path: &'static str,
        audience: Audience,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.route(Method::GET, MethodFilter::GET, path, audience, handler)
    }

    pub fn post<T: 'static>(
        self,
        path: &'static str,
        audience: Audience,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.route(Method::POST, MethodFilter::POST, path, audience, handler)
    }

    pub fn put<T: 'static>(
        self,
        path: &'static str,
        audience: Audience,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.route(Method::PUT, MethodFilter::PUT, path, audience, handler)
    }

    pub fn patch<T: 'static>(
        self,
        path: &'static str,
        audience: Audience,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.route(Method::PATCH, MethodFilter::PATCH, path, audience, handler)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that adds routes")]
    fn route<T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        audience: Audience,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path, audience, needs_database: true });
        self
    }

    /// Lets the route that was added last work while the database is away.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        self.list.last_mut().expect("a route was added").needs_database = false;
        self
    }

    /// Adds a route that bypasses the router and the middleware stack, because a protected API calls it for each of its own
    /// requests (`super::fast_path`). It has one method and a path without parameters.
    pub fn fast(
        mut self,
        method: Method,
        path: &'static str,
        audience: Audience,
        handler: FastHandler,
    ) -> Self {
        self.fast.push(FastRoute { requests: RequestMatch::Exactly(method.clone()), path, handler });
        self.list.push(Route { method, path, audience, needs_database: true });
        self
    }

    /// Adds a fast route for any method and every path below `path`. The list of routes has it with GET.
    pub fn fast_below(mut self, path: &'static str, audience: Audience, handler: FastHandler) -> Self {
        self.fast.push(FastRoute { requests: RequestMatch::AnyBelow, path, handler });
        self.list.push(Route { method: Method::GET, path, audience, needs_database: true });
        self
    }

    /// Adds handlers with `#[utoipa::path]`, which declares their methods and paths and describes them.
    #[expect(clippy::disallowed_methods, reason = "the one place that adds routes")]
    pub fn documented(
        mut self,
        audience: Audience,
        (schemas, paths, handlers): UtoipaMethodRouter<App>,
    ) -> Self {
        for (path, item) in &paths.paths {
            self.router = self.router.route(path, handlers.clone());
            let methods = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, _) in methods.into_iter().filter(|(_, operation)| operation.is_some()) {
                // Leaking is fine, because routes live as long as the process.
                self.list.push(Route { method, path: path.clone().leak(), audience, needs_database: true });
            }
        }
        let components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
        self.describe(OpenApiBuilder::new().paths(paths).components(Some(components)).build())
    }

    /// Adds the description of routes that were added in another way.
    pub fn describe(mut self, description: OpenApi) -> Self {
        self.description.merge(description);
        self
    }

    /// Sets the protocol of everything below these paths.
    pub fn protocol(mut self, folders: &[&'static str], protocol: Protocol) -> Self {
        self.protocols.extend(folders.iter().map(|folder| (*folder, protocol)));
        self
    }

    pub fn protocols(&self) -> Protocols {
        Protocols::new(self.protocols.clone())
    }

    pub fn description(&self) -> &OpenApi {
        &self.description
    }

    /// Adds another slice's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.fast.extend(other.fast);
        self.list.extend(other.list);
        self.description.merge(other.description);
        self.protocols.extend(other.protocols);
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
