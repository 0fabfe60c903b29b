//! The user interface that all slices share: the document, the parts of pages, and islands.

mod breadcrumb;
mod chart_tips;
pub mod dom;
pub mod form;
#[cfg(all(feature = "ssr", debug_assertions))]
pub mod gallery;
pub mod islands;
pub mod keyboard;
pub mod live_filter;
mod live_regions;
mod local_times;
mod new_content;
pub mod palette;
pub mod parts;
mod password_toggle;
mod search_dialogs;
pub mod shell;
pub mod tab_memory;

#[cfg(feature = "ssr")]
pub mod server;
