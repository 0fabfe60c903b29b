//! The declaration of a setting.

/// The declaration of one setting, without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub table: &'static str,
    pub name: &'static str,
    pub default: &'static str,
    pub help: &'static str,
    /// The smallest and the largest allowed value. Every setting with an amount has a range.
    pub range: Option<(&'static str, &'static str)>,
}

impl Setting {
    pub fn variable(&self) -> String {
        format!("LATCHKEY_{}", self.name.to_uppercase())
    }
}
