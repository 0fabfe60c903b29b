//! The language of permission queries: names, `and`, `or` and parentheses. `and` binds tighter than `or`.

use std::fmt;

use super::model::is_name;

pub const MAX_QUERY_LENGTH: usize = 2_000;
pub const MAX_NAMES: usize = 50;
pub const MAX_DEPTH: usize = 20;
/// Queries with at most this many names and operators are parsed without growing a list.
const USUAL_LENGTH: usize = 8;

/// A parsed query. Its names are numbered in the order of the text; a name that is repeated has one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionQuery<'t> {
    names: Vec<&'t str>,
    /// In postfix order: operands come before their operator.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Name(u8),
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    Empty,
    TooLong,
    TooManyNames,
    TooDeep,
    /// The text ends where a name or a parenthesis must follow.
    Incomplete,
    /// A word that is not expected there, or that is no name.
    Unexpected(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The query is empty."),
            Self::TooLong => write!(f, "A query has at most {MAX_QUERY_LENGTH} characters."),
            Self::TooManyNames => write!(f, "A query has at most {MAX_NAMES} names."),
            Self::TooDeep => write!(f, "Parentheses can be nested at most {MAX_DEPTH} levels deep."),
            Self::Incomplete => {
                f.write_str("The query ends where a name or a closing parenthesis must follow.")
            }
            Self::Unexpected(word) => {
                write!(
                    f,
                    "\"{word}\" is not expected here: write names, and, or and parentheses, such as a.read and (b.read or b.*)."
                )
            }
        }
    }
}

impl std::error::Error for QueryError {}

impl<'t> PermissionQuery<'t> {
    pub fn parse(text: &'t str) -> Result<Self, QueryError> {
        if text.len() > MAX_QUERY_LENGTH {
            return Err(QueryError::TooLong);
        }
        let mut parser = Parser {
            words: Words { rest: text }.peekable(),
            query: Self { names: Vec::with_capacity(USUAL_LENGTH), steps: Vec::with_capacity(USUAL_LENGTH) },
        };
        if parser.words.peek().is_none() {
            return Err(QueryError::Empty);
        }
        parser.alternatives(0)?;
        match parser.words.next() {
            None => Ok(parser.query),
            Some(word) => Err(unexpected(word)),
        }
    }

    pub fn names(&self) -> &[&'t str] {
        &self.names
    }

    /// Whether the query is satisfied. `is_granted` gets the number of a name.
    pub fn is_met(&self, is_granted: impl Fn(usize) -> bool) -> bool {
        // Each bit is a value on the stack, the lowest bit is the top.
        let mut stack: u64 = 0;
        for step in &self.steps {
            let (top, next) = (stack & 1, stack >> 1 & 1);
            stack = match step {
                Step::Name(number) => stack << 1 | u64::from(is_granted(usize::from(*number))),
                Step::And => stack >> 2 << 1 | (top & next),
                Step::Or => stack >> 2 << 1 | (top | next),
            };
        }
        stack & 1 == 1
    }
}

struct Parser<'t> {
    words: std::iter::Peekable<Words<'t>>,
    query: PermissionQuery<'t>,
}

impl<'t> Parser<'t> {
    fn alternatives(&mut self, depth: usize) -> Result<(), QueryError> {
        self.conjunction(depth)?;
        while self.skip("or") {
            self.conjunction(depth)?;
            self.query.steps.push(Step::Or);
        }
        Ok(())
    }

    fn conjunction(&mut self, depth: usize) -> Result<(), QueryError> {
        self.operand(depth)?;
        while self.skip("and") {
            self.operand(depth)?;
            self.query.steps.push(Step::And);
        }
        Ok(())
    }

    fn operand(&mut self, depth: usize) -> Result<(), QueryError> {
        match self.words.next().ok_or(QueryError::Incomplete)? {
            "(" if depth == MAX_DEPTH => Err(QueryError::TooDeep),
            "(" => {
                self.alternatives(depth + 1)?;
                match self.words.next().ok_or(QueryError::Incomplete)? {
                    ")" => Ok(()),
                    word => Err(unexpected(word)),
                }
            }
            word if is_name(word) => self.name(word),
            word => Err(unexpected(word)),
        }
    }

    fn name(&mut self, name: &'t str) -> Result<(), QueryError> {
        let names = &mut self.query.names;
        let number = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        if names.len() > MAX_NAMES {
            return Err(QueryError::TooManyNames);
        }
        self.query.steps.push(Step::Name(number as u8));
        Ok(())
    }

    fn skip(&mut self, operator: &str) -> bool {
        self.words.next_if(|word| word.eq_ignore_ascii_case(operator)).is_some()
    }
}

fn unexpected(word: &str) -> QueryError {
    /// Longer words are cut, so that a whole token does not appear in a response or the log.
    const LONGEST: usize = 20;
    QueryError::Unexpected(word.chars().take(LONGEST).collect())
}

/// Splits a text into words: parentheses, and runs of other characters between white space.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.rest.trim_ascii_start();
        let first = *text.as_bytes().first()?;
        let is_parenthesis = |byte: u8| matches!(byte, b'(' | b')');
        let length = if is_parenthesis(first) {
            1
        } else {
            let is_delimiter = |byte: u8| byte.is_ascii_whitespace() || is_parenthesis(byte);
            text.bytes().position(is_delimiter).unwrap_or(text.len())
        };
        let (word, rest) = text.split_at(length);
        self.rest = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(text: &str, granted: &[&str]) -> bool {
        let query = PermissionQuery::parse(text).expect(text);
        query.is_met(|number| granted.contains(&query.names()[number]))
    }

    #[test]
    fn and_binds_tighter_than_or() {
        for (text, granted, expected) in [
            ("a", &["a"][..], true),
            ("a", &[], false),
            ("a and b", &["a"], false),
            ("a or b", &["b"], true),
            ("a or b and c", &["a"], true),
            ("a or b and c", &["b"], false),
            ("(a or b) and c", &["a"], false),
            ("(a or b) and c", &["a", "c"], true),
            ("a and b or c and d", &["c", "d"], true),
            ("a AND (b Or\tc)", &["a", "c"], true),
            ("((a))", &["a"], true),
            ("(a)and(b)", &["a", "b"], true),
            ("a and a and a", &["a"], true),
            ("invoices.* or x-1.y_2", &["invoices.*"], true),
        ] {
            assert_eq!(is_met(text, granted), expected, "{text} with {granted:?}");
        }
    }

    #[test]
    fn invalid_queries_are_explained() {
        let unexpected = |word: &str| QueryError::Unexpected(word.to_owned());
        let deep = format!("{}a{}", "(".repeat(1_000), ")".repeat(1_000));
        let twenty = format!("{}a{}", "(".repeat(20), ")".repeat(20));
        assert!(PermissionQuery::parse(&twenty).is_ok());
        let many: Vec<String> = (0..51).map(|number| format!("a{number}")).collect();
        for (text, expected) in [
            ("", QueryError::Empty),
            (" \t\n", QueryError::Empty),
            (&"a ".repeat(1_001), QueryError::TooLong),
            (&deep[..1_999], QueryError::TooDeep),
            (&many.join(" or "), QueryError::TooManyNames),
            ("a and", QueryError::Incomplete),
            ("(a", QueryError::Incomplete),
            ("(", QueryError::Incomplete),
            ("a)", unexpected(")")),
            ("()", unexpected(")")),
            ("a b", unexpected("b")),
            ("and a", unexpected("and")),
            ("a or or b", unexpected("or")),
            ("a (b)", unexpected("(")),
            ("a & b", unexpected("&")),
            ("Invoices.read", unexpected("Invoices.read")),
            ("invoices.read,invoices.write", unexpected("invoices.read,invoic")),
            ("a\0", unexpected("a\0")),
            ("é", unexpected("é")),
            ("*", unexpected("*")),
        ] {
            assert_eq!(PermissionQuery::parse(text), Err(expected), "{text:.40}");
        }
    }

    /// A tree of names and operators, and its text.
    enum Tree {
        Name(usize),
        Both(Box<Tree>, Box<Tree>),
        Either(Box<Tree>, Box<Tree>),
    }

    const NAMES: [&str; 6] = ["a", "b.c", "b.*", "d-e.f", "g_h", "i.9.j"];

    impl Tree {
        fn grow(next: &mut impl FnMut(usize) -> usize, depth: usize) -> Self {
            let branch = |next: &mut _| Box::new(Self::grow(next, depth - 1));
            match if depth == 0 { 0 } else { next(3) } {
                0 => Self::Name(next(NAMES.len())),
                1 => Self::Both(branch(next), branch(next)),
                _ => Self::Either(branch(next), branch(next)),
            }
        }

        fn text(&self) -> String {
            match self {
                Self::Name(number) => NAMES[*number].to_owned(),
                Self::Both(a, b) => format!("({}) and ({})", a.text(), b.text()),
                Self::Either(a, b) => format!("{} or ({})", a.text(), b.text()),
            }
        }

        fn is_met(&self, granted: usize) -> bool {
            match self {
                Self::Name(number) => granted >> number & 1 == 1,
                Self::Both(a, b) => a.is_met(granted) && b.is_met(granted),
                Self::Either(a, b) => a.is_met(granted) || b.is_met(granted),
            }
        }
    }

    /// A small generator of numbers, so that the examples are the same in every run.
    fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        }
    }

    #[test]
    fn random_queries_mean_what_their_trees_mean() {
        let mut next = numbers(7);
        for _ in 0..5_000 {
            let tree = Tree::grow(&mut next, 5);
            let text = tree.text();
            let query = PermissionQuery::parse(&text).expect("a query");
            for granted in 0..1_usize << NAMES.len() {
                let known = |number: usize| {
                    let name = query.names()[number];
                    granted >> NAMES.iter().position(|known| *known == name).expect("a name") & 1 == 1
                };
                assert_eq!(query.is_met(known), tree.is_met(granted), "{text} with {granted:b}");
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        let parts = ["(", ")", "and", "or", "a", "b.*", " ", "\0", "é", ".", "*", "AND", "a.b", "\n", "&&"];
        let mut next = numbers(11);
        for _ in 0..50_000 {
            let length = next(30);
            let text: String = (0..length).map(|_| parts[next(parts.len())]).collect();
            if let Ok(query) = PermissionQuery::parse(&text) {
                query.is_met(|number| number % 2 == 0);
            }
        }
    }
}
