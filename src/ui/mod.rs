//! What people see: the document around every page, the parts that pages are made of, the islands several slices use.

#[cfg(feature = "ssr")]
pub mod server;
