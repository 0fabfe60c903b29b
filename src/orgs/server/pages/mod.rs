//! The pages of organizations.

mod setup;
mod switch;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default().get("/setup", Who::Anyone, setup::show).post("/setup", Who::Anyone, setup::submit).post(
        "/switch-organization",
        Who::Person,
        switch::submit,
    )
}
