//! The theme of the pages: light, dark, or that of the operating system. It is stored in a cookie, so that the server renders the
//! page with the right theme.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The value of `<html data-theme>`. None for the theme of the operating system.
    pub const fn pinned(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_chosen_theme_is_pinned() {
        assert_eq!(Theme::parse("dark").and_then(Theme::pinned), Some("dark"));
        assert_eq!(Theme::parse("system").and_then(Theme::pinned), None);
        assert_eq!(Theme::parse("Dark"), None);
        assert_eq!(Theme::parse("\""), None);
    }
}
