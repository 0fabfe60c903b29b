//! The rows of the table, by surface.

mod accounts;
mod armoriq;
mod keys;
mod policy;
mod rest;
mod settings;
mod webhooks;

use super::row::Row;

pub fn rows() -> impl Iterator<Item = &'static Row> {
    let development = if cfg!(debug_assertions) { accounts::DEVELOPMENT } else { &[] };
    [
        accounts::ROWS,
        settings::ROWS,
        webhooks::ROWS,
        policy::ROWS,
        keys::ROWS,
        rest::ROWS,
        armoriq::ROWS,
        development,
    ]
    .into_iter()
    .flatten()
}
