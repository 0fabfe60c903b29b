//! What the search finds.

use crate::shared::Kind;
use crate::ui::parts::Symbol;

pub struct SearchGroup {
    pub name: &'static str,
    pub rows: Vec<SearchRow>,
}

pub struct SearchRow {
    pub href: String,
    pub lead: RowLead,
    pub text: String,
    pub note: String,
}

/// What precedes the text.
pub enum RowLead {
    Symbol(Symbol),
    /// The drawing of a key: the visible beginning of its secret, its kind, and whether it is accepted.
    Key(String, Kind, bool),
}
