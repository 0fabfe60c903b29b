//! Pages are made on the server. A handler reads its service, then hands a view to `page::render`.

pub mod chrome;
mod errors;
mod live;
pub mod page;
pub mod routes;
#[cfg(debug_assertions)]
mod specimen;
mod start;
mod theme;
