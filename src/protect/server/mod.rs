//! `/settings/protect`.

mod answers;
mod form_problem;
mod page;
mod snippets;
mod steps;
mod try_form;

#[cfg(test)]
pub use snippets::SNIPPETS;

use crate::platform::http::{Audience, Routes};

const HERE: &str = "/settings/protect";

pub fn routes() -> Routes {
    Routes::default().get(HERE, Audience::Person, page::show).post(HERE, Audience::Person, try_form::submit)
}
