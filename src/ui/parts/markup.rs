//! HTML as text, for table rows and charts, of which a page has many: one string instead of a tree of views. Everything that is not a
//! literal of `markup!` is escaped, unless it is a view or markup itself.

use std::fmt::Write;

use leptos::prelude::*;
use leptos::tachys::html::InertElement;

/// Escaped HTML: any number of elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

/// `markup!("<b>" {name} "</b>")`: literals are copied, and values in braces are written as a `Piece`.
macro_rules! markup {
    (@ $text:ident $literal:literal) => {
        $text.push_str($literal)
    };
    (@ $text:ident $value:block) => {
        $crate::ui::parts::Piece::write($value, &mut $text)
    };
    ($($piece:tt)*) => {{
        let mut text = String::new();
        $($crate::ui::parts::markup!(@ text $piece);)*
        $crate::ui::parts::Markup::from_html(text)
    }};
}
pub(crate) use markup;

/// HTML that is a constant in the code.
pub struct Constant(pub &'static str);

/// A value between the literals of `markup!`, inside an element or in the quotes of an attribute.
pub trait Piece {
    fn write(self, into: &mut String);
}

impl Markup {
    /// Only for `markup!`.
    pub fn from_html(text: String) -> Self {
        Self(text)
    }

    pub fn into_html(self) -> String {
        self.0
    }

    pub fn into_any(self) -> AnyView {
        // Leptos needs a view without an element for empty markup.
        if self.0.is_empty() { ().into_any() } else { InertElement::new(self.0).into_any() }
    }

    /// An attribute with a leading space: ` name="value"`. Nothing for an empty value.
    pub fn attribute(name: &'static str, value: &str) -> Self {
        if value.is_empty() {
            return Self::default();
        }
        markup!(" " { name } "=\"" { value } "\"")
    }
}

impl Piece for Markup {
    fn write(self, into: &mut String) {
        into.push_str(&self.0);
    }
}

impl Piece for AnyView {
    fn write(self, into: &mut String) {
        into.push_str(&self.to_html());
    }
}

impl Piece for Constant {
    fn write(self, into: &mut String) {
        into.push_str(self.0);
    }
}

impl Piece for &Markup {
    fn write(self, into: &mut String) {
        into.push_str(&self.0);
    }
}

impl Piece for &str {
    fn write(self, into: &mut String) {
        let mut text = self;
        while let Some(index) = text.find(['&', '<', '>', '"']) {
            into.push_str(&text[..index]);
            into.push_str(match text.as_bytes()[index] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                _ => "&quot;",
            });
            text = &text[index + 1..];
        }
        into.push_str(text);
    }
}

impl Piece for &String {
    fn write(self, into: &mut String) {
        self.as_str().write(into);
    }
}

impl Piece for String {
    fn write(self, into: &mut String) {
        self.as_str().write(into);
    }
}

impl<P: Piece> Piece for Option<P> {
    fn write(self, into: &mut String) {
        if let Some(piece) = self {
            piece.write(into);
        }
    }
}

impl<P: Piece> Piece for Vec<P> {
    fn write(self, into: &mut String) {
        for piece in self {
            piece.write(into);
        }
    }
}

macro_rules! number {
    ($($Number:ty)*) => {
        $(impl Piece for $Number {
            fn write(self, into: &mut String) {
                let _ = write!(into, "{self}");
            }
        })*
    };
}
number!(u64 usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_markup_is_not_escaped_twice() {
        let name = r#"<b title="x">&é"#;
        let inner = markup!("<i>" { name } "</i>");
        let whole =
            markup!("<p" { Markup::attribute("title", name) } ">" { &inner } { 7_u64 } { Some("a<") } "</p>");
        let escaped = "&lt;b title=&quot;x&quot;&gt;&amp;é";
        assert_eq!(whole, Markup(format!("<p title=\"{escaped}\"><i>{escaped}</i>7a&lt;</p>")));
        assert_eq!(Markup::attribute("title", ""), Markup::default());
        assert_eq!(
            markup!({ None::<&str> } { vec![inner.clone(), inner.clone()] }),
            markup!({ &inner } { inner })
        );
    }
}
