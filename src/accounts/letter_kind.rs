//! The letters that a person may turn off. Letters about sign-ins and leaked keys are always sent.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetterKind {
    /// A key expires soon.
    Expiring,
    /// A key has not been used for long.
    Idle,
}

impl LetterKind {
    pub const ALL: [Self; 2] = [Self::Expiring, Self::Idle];

    /// The name in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expiring => "expiring",
            Self::Idle => "idle",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|letter| letter.as_str() == text)
    }

    /// When the letter is sent, for the form.
    pub const fn caption(self) -> &'static str {
        match self {
            Self::Expiring => "A key of mine expires in 30, 14, 7 or 1 days",
            Self::Idle => "A key of mine was not used for 60 days",
        }
    }
}
