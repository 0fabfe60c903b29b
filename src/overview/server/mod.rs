//! The start page and the overview.

mod attention;
mod page;
mod period;
mod refused;
mod requests;
mod start;

use crate::platform::http::{Audience, Routes};

pub fn routes() -> Routes {
    Routes::default().get("/", Audience::Anyone, start::show).get("/overview", Audience::Person, page::show)
}
