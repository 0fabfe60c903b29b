//! Pages are made on the server. A handler reads its service, then hands a view to `page::render`.

pub mod chrome;
pub mod errors;
pub mod live;
pub mod page;
#[cfg(debug_assertions)]
pub mod specimen;
pub mod start;
pub mod theme;
