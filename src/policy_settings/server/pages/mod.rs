//! `/settings/key-policy`: every member sees the rules, owners change them. The form is sent twice: the first time the page shows
//! what the change would refuse, the second time it is saved.

mod fields;
mod form;
mod preview;
mod show;

use crate::platform::http::{Audience, Routes};

/// The address of the page.
const HERE: &str = "/settings/key-policy";

pub fn routes() -> Routes {
    Routes::default().get(HERE, Audience::Person, show::show).post(HERE, Audience::Person, show::submit)
}
