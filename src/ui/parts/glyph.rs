//! The drawing of a key. The shape of the bow is the kind, the cuts identify the secret, and brass means accepted now. The cuts are
//! computed from the visible beginning of the secret, so that a rotated key and the keys in a list look different.

use leptos::prelude::*;

use super::markup::{Constant, Markup, markup};
use crate::shared::Kind;

/// The number of depths of a cut.
const DEPTHS: u64 = 5;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GlyphSize {
    #[default]
    Row,
    Large,
    Huge,
}

/// The random number generator of the design's mock-ups (Mulberry32), so that both draw the same key for the same secret.
struct Cuts(u32);

impl Cuts {
    fn seeded(seed: &str) -> Self {
        Self(seed.chars().fold(0_u32, |state, letter| {
            let unit = letter.encode_utf16(&mut [0; 2])[0];
            state.wrapping_mul(31).wrapping_add(u32::from(unit))
        }))
    }

    fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x6D2B_79F5);
        let mut number = (self.0 ^ (self.0 >> 15)).wrapping_mul(1 | self.0);
        number = number.wrapping_add((number ^ (number >> 7)).wrapping_mul(61 | number)) ^ number;
        number ^ (number >> 14)
    }

    /// Five depths. Two adjacent ones are never equal.
    fn five(mut self) -> [u32; 5] {
        let mut previous = None;
        std::array::from_fn(|_| {
            loop {
                let depth = ((u64::from(self.draw()) * DEPTHS) >> 32) as u32;
                if previous != Some(depth) {
                    previous = Some(depth);
                    return depth;
                }
            }
        })
    }
}

const ROUND: &str = "M7 1.5a6.5 6.5 0 110 13 6.5 6.5 0 010-13zM5.4 5.9a2.1 2.1 0 100 4.2 2.1 2.1 0 000-4.2z";
const CLAWED: &str = "M7.4 1.2 13 4.4V11.6L7.4 14.8 4.6 13.2 1 14 2.2 10.4 .6 8 2.2 5.6 1 2 4.6 2.8zM7.2 5.9a2.1 2.1 0 100 4.2 2.1 2.1 0 000-4.2z";
const SQUARE: &str = "M2 2h10a1 1 0 011 1v10a1 1 0 01-1 1H2a1 1 0 01-1-1V3a1 1 0 011-1zM3.6 6.2v3.6h3.2V6.2z";
const HEXAGON: &str = "M3.9 1.8h6.2L13.4 8l-3.3 6.2H3.9L.6 8zM5.6 5.9a2.1 2.1 0 100 4.2 2.1 2.1 0 000-4.2z";

pub(super) const fn bow(kind: Kind) -> &'static str {
    match kind {
        Kind::Live | Kind::Test => ROUND,
        Kind::Claw => CLAWED,
        Kind::Secret => SQUARE,
        Kind::Mcp => HEXAGON,
    }
}

/// The outline of the blade, open at the bow. Lengths are in hundredths, so that they are exact.
pub(super) fn blade(seed: &str, kind: Kind) -> String {
    let start = hundredths(if kind == Kind::Mcp { 1_160 } else { 1_200 });
    let mut path = format!("M{start} 3.25H16.5");
    for (at, depth) in (1_750..).step_by(410).zip(Cuts::seeded(seed).five()) {
        let (left, right, y) = (hundredths(at), hundredths(at + 240), hundredths(365 + depth * 120));
        path.push_str(&format!("L{left} {y}H{right}"));
    }
    path.push_str(&format!("L38 4.75L39.75 9 37.5 12H{start}"));
    path
}

fn hundredths(length: u32) -> String {
    let text = format!("{}.{:02}", length / 100, length % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[component]
pub fn Glyph(
    /// The visible beginning of the secret, without the prefix of the kind.
    #[prop(into)]
    seed: String,
    kind: Kind,
    /// The key is not accepted now: it is disabled, expired or revoked, or the secret is an old one.
    #[prop(optional)]
    off: bool,
    #[prop(optional)] size: GlyphSize,
    /// The accessible name, only if no name is next to the drawing.
    #[prop(into, optional)]
    title: String,
) -> AnyView {
    let blade = blade(&format!("{seed}·cut"), kind);
    let outline = kind == Kind::Test;
    let state = match (off, outline) {
        (true, _) => " glyph-off",
        (_, true) => " glyph-test",
        _ => "",
    };
    let (size, groove) = match size {
        GlyphSize::Row => ("", ""),
        GlyphSize::Large => (" glyph-lg", GROOVE),
        GlyphSize::Huge => (" glyph-xl", GROOVE),
    };
    let shapes = if outline {
        markup!(
            r#"<g fill="none" stroke="currentColor" stroke-width="1.1"><path d=""# { blade }
            r#"" stroke-linejoin="round"/><path d=""# { bow(kind) } r#""/></g>"#
        )
    } else {
        markup!(
            r#"<g fill="currentColor"><path d=""# { blade } r#"z"/><path d=""# { bow(kind) }
            r#"" fill-rule="evenodd"/></g>"# { Constant(groove) }
        )
    };
    let name = match title.as_str() {
        "" => Markup::attribute("aria-hidden", "true"),
        title => markup!(" role=\"img\"" { Markup::attribute("aria-label", title) }),
    };
    markup!(r#"<svg class="glyph"# { state } { size } r#"" viewBox="0 0 40 16""# { name } ">" { shapes } "</svg>")
        .into_any()
}

const GROOVE: &str = r#"<path class="groove" d="M14.5 10.3H36" stroke-width=".6" fill="none"/>"#;

/// The visible part of a key as text: the prefix in gray, the beginning in the text color, and an ellipsis.
#[component]
pub fn KeyText(kind: Kind, #[prop(into)] start: String) -> AnyView {
    let prefix = format!("{}_", kind.prefix());
    view! { <span class="key over">{prefix}<b>{start}</b>"…"</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values come from the generator of the design.
    #[test]
    fn the_same_start_cuts_the_same_key_as_in_the_design() {
        for (seed, cuts) in [
            ("8fK2mQ4pXv7d", [4, 1, 2, 3, 1]),
            ("Q7wN3xLr9TbE", [4, 3, 4, 2, 1]),
            ("b9XnR4tGw2Ka", [0, 4, 3, 2, 3]),
            ("kT0eB6mHx9Rv", [0, 2, 0, 2, 1]),
            ("", [3, 0, 2, 3, 4]),
            ("é漢😀", [4, 0, 3, 0, 1]),
        ] {
            assert_eq!(Cuts::seeded(&format!("{seed}·cut")).five(), cuts, "{seed}");
        }
    }

    #[test]
    fn a_blade_is_drawn_in_exact_hundredths() {
        assert_eq!(
            blade("8fK2mQ4pXv7d·cut", Kind::Live),
            "M12 3.25H16.5L17.5 8.45H19.9L21.6 4.85H24L25.7 6.05H28.1L29.8 7.25H32.2L33.9 4.85H36.3L38 4.75L39.75 9 37.5 12H12"
        );
        assert!(blade("x", Kind::Mcp).starts_with("M11.6 3.25"));
    }
}
