//! The overview's page.

mod attention;
mod page;
mod today;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default().get("/overview", Who::Person, page::show)
}
