//! Pages are made on the server. A handler reads its service, then hands a view to `page::render`.

pub mod errors;
pub mod message;
pub mod page;
#[cfg(debug_assertions)]
pub mod specimen;
pub mod theme;
