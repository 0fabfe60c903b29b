//! What the REST endpoints of all slices share: reading bodies and queries, errors, and the OpenAPI document. The endpoints
//! are in their slices.

mod body;
mod csv_page;
pub mod document;
mod error;
mod error_responses;
mod fields;
mod schemas;

pub use body::{AnyBody, Body, Unreadable};
pub use csv_page::csv_page;
pub use error::ApiError;
pub use fields::{Moment, present};
pub use schemas::one_of;
