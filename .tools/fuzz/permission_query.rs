//! The parser accepts or rejects a text and never panics. What it accepts means the same with every operand in parentheses.
#![no_main]

use latchkey::permissions::query::PermissionQuery;
use libfuzzer_sys::fuzz_target;

/// The same text with each name in parentheses.
fn in_parentheses(text: &str) -> String {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words = spaced.split_whitespace().map(|word| match word.to_ascii_lowercase().as_str() {
        "(" | ")" | "and" | "or" => word.to_owned(),
        _ => format!("({word})"),
    });
    words.collect::<Vec<_>>().join(" ")
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let Ok(query) = PermissionQuery::parse(&text) else { return };
    let granted = |number: usize| bytes[number % bytes.len()] & 1 == 1;
    let is_met = query.is_met(granted);
    // None is met without a permission, and all are met with every one.
    assert!(!query.is_met(|_| false) && query.is_met(|_| true));
    let longer = in_parentheses(&text);
    if let Ok(same) = PermissionQuery::parse(&longer) {
        assert_eq!(same.names(), query.names());
        assert_eq!(same.is_met(granted), is_met, "{longer}");
    }
});
