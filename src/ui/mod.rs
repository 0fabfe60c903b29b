//! What people see: the document around every page, the parts that pages are made of, the islands several slices use.

pub mod form;
#[cfg(all(feature = "ssr", debug_assertions))]
pub mod gallery;
pub mod islands;
pub mod parts;
pub mod shell;

#[cfg(feature = "ssr")]
pub mod server;
