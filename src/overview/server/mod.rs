//! The overview's page.

mod attention;
mod page;
mod today;

use crate::platform::http::{Audience, Routes};

pub fn routes() -> Routes {
    Routes::default().get("/overview", Audience::Person, page::show)
}
