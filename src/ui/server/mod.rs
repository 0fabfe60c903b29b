//! Pages are made on the server. A handler reads its service, then hands a view to `page::render`.

pub mod errors;
pub mod form_page;
pub mod message;
pub mod page;
pub mod theme;
