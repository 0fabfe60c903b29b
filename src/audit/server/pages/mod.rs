//! `/settings/audit-log` and its export. For admins and owners.

mod export;
mod list;
mod wanted;

use crate::platform::http::{Doors, Who};

const HOME: &str = "/settings/audit-log";

pub fn doors() -> Doors {
    Doors::default().get("/settings/audit-log", Who::Person, list::show).get(
        "/settings/audit-log/export",
        Who::Person,
        export::download,
    )
}
