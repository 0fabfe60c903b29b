//! Renders pages on the server. A handler calls its service, and then `Page::render` with a view.

pub mod errors;
pub mod form_page;
pub mod message;
pub mod page;
pub mod theme;
