//! Pages are made on the server. A handler reads its service, then hands a view to `page::render`.

mod errors;
pub mod page;
pub mod routes;
mod start;
