//! Comma-separated values (RFC 4180) that spreadsheets can open: no cell of them is taken for a formula.

/// The characters with which spreadsheets recognize a formula, or after which they look for one.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Appends a line with these cells.
pub fn push_row<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// A cell that begins like a formula gets an apostrophe in front. Spreadsheets then show it as text.
fn push_cell(text: &mut String, cell: &str) {
    let escape = if cell.starts_with(FORMULA_STARTS) { "'" } else { "" };
    if cell.contains(['"', ',', '\r', '\n']) {
        text.push('"');
        text.push_str(escape);
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(escape);
        text.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut text = String::new();
        push_row(&mut text, cells.iter().copied());
        text
    }

    #[test]
    fn cells_are_quoted_where_needed() {
        assert_eq!(row(&["id", "", "two words", "5"]), "id,,two words,5\r\n");
        assert_eq!(row(&["a,b", "say \"no\"", "x\r\ny"]), "\"a,b\",\"say \"\"no\"\"\",\"x\r\ny\"\r\n");
        assert_eq!(row(&["مفتاح", "ключ\u{200f}", "🔑"]), "مفتاح,ключ\u{200f},🔑\r\n");
        assert_eq!(row(&[]), "\r\n");
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("＝1", "'＝1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
        ] {
            assert_eq!(row(&[cell]), format!("{expected}\r\n"), "{cell:?}");
        }
    }
}
