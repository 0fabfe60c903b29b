//! Renders what was found: as options of the palette, or as lists of a page.

use leptos::prelude::*;

use super::rows::{RowLead, SearchGroup, SearchRow};
use crate::ui::parts::{Glyph, Icon, Markup, markup};

/// The options of the palette's list box.
pub fn options(groups: &[SearchGroup], text: &str) -> String {
    let draw = || {
        if groups.is_empty() {
            return markup!("<p class=\"px-2.5 py-4 text-dense text-ink-3\">Nothing matches.</p>");
        }
        let mut place = 0;
        groups.iter().fold(Markup::default(), |all, group| {
            let rows = group.rows.iter().fold(Markup::default(), |rows, row| {
                let id = format!("palette-{place}");
                place += 1;
                markup!(
                    { rows } "<a class=\"palette-row\" role=\"option\" aria-selected=\"false\" tabindex=\"-1\" id=\"" { id }
                    "\" href=\"" { &row.href } "\">" { content(row, text) } "</a>"
                )
            });
            let name = group.name;
            markup!(
                { all } "<div role=\"group\" aria-labelledby=\"palette-" { name } "\">"
                "<div class=\"palette-head\" role=\"presentation\" id=\"palette-" { name } "\">" { name } "</div>"
                { rows } "</div>"
            )
        })
    };
    Owner::new().with(draw).into_html()
}

/// The results on a page.
pub fn lists(groups: &[SearchGroup], text: &str) -> Markup {
    groups.iter().fold(Markup::default(), |all, group| {
        let rows = group.rows.iter().fold(Markup::default(), |rows, row| {
            let content = content(row, text);
            markup!({ rows } "<li><a class=\"palette-row\" href=\"" { &row.href } "\">" { content } "</a></li>")
        });
        markup!(
            { all } "<section class=\"panel mt-3 p-1.5\"><h2 class=\"palette-head\">" { group.name } "</h2><ul>" { rows }
            "</ul></section>"
        )
    })
}

fn content(row: &SearchRow, text: &str) -> Markup {
    let lead = match &row.lead {
        RowLead::Symbol(symbol) => {
            let symbol = *symbol;
            view! { <Icon symbol/> }.into_any()
        }
        RowLead::Key(start, kind, is_accepted) => {
            let (seed, kind, off) = (start.clone(), *kind, !is_accepted);
            view! { <Glyph seed kind off/> }.into_any()
        }
    };
    let (before, matched, after) = split(&row.text, text);
    let matched = (!matched.is_empty()).then(|| markup!("<mark>" { matched } "</mark>"));
    markup!(
        "<span class=\"palette-lead\">" { lead } "</span><span class=\"min-w-0 flex-1 truncate\" dir=\"auto\">" { before }
        { matched } { after } " <span class=\"cap ml-1.5\">" { &row.note } "</span></span>"
    )
}

/// The text before, in and after the first place where it matches, whatever the case.
fn split<'t>(text: &'t str, sought: &str) -> (&'t str, &'t str, &'t str) {
    let sought = sought.to_lowercase();
    let ends = || text.char_indices().map(|(place, letter)| place + letter.len_utf8());
    for (start, _) in text.char_indices().filter(|_| !sought.is_empty()) {
        if !text[start..].to_lowercase().starts_with(&sought) {
            continue;
        }
        if let Some(end) =
            ends().find(|end| *end > start && text[start..*end].to_lowercase().len() >= sought.len())
        {
            return (&text[..start], &text[start..end], &text[end..]);
        }
    }
    (text, "", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_match_is_marked_whatever_its_case() {
        assert_eq!(split("CI-Deploy", "dep"), ("CI-", "Dep", "loy"));
        assert_eq!(split("wÖrk", "ö"), ("w", "Ö", "rk"));
        assert_eq!(split("İİx", "x"), ("İİ", "x", ""));
        assert_eq!((split("abc", "x"), split("abc", "")), (("abc", "", ""), ("abc", "", "")));
    }
}
