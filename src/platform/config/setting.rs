//! What is declared of a setting.

/// One setting as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub table: &'static str,
    pub name: &'static str,
    pub default: &'static str,
    pub help: &'static str,
    /// The least and the greatest value, both included. Every amount has one.
    pub range: Option<(&'static str, &'static str)>,
}

impl Setting {
    pub fn variable(&self) -> String {
        format!("LATCHKEY_{}", self.name.to_uppercase())
    }
}
