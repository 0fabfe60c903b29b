//! The user interface that all slices share: the document, the parts of pages, and islands.

mod dom;
pub mod form;
#[cfg(all(feature = "ssr", debug_assertions))]
pub mod gallery;
pub mod islands;
mod live_regions;
pub mod parts;
pub mod shell;

#[cfg(feature = "ssr")]
pub mod server;
