//! A type name says its job and is unique in the crate, so that a reader who meets it anywhere knows what it is.

use std::collections::BTreeMap;
use std::path::Path;

/// Names that traits and macros of libraries prescribe.
const PRESCRIBED: [&str; 6] = ["Target", "Rejection", "Error", "Data", "Item", "Value"];

/// For each type name, the files that define it.
fn definitions(folder: &Path, names: &mut BTreeMap<String, Vec<String>>) {
    for entry in std::fs::read_dir(folder).expect("the sources are here").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "tests" {
                definitions(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for name in code.lines().filter_map(defined_type) {
                names.entry(name.to_owned()).or_default().push(path.display().to_string());
            }
        }
    }
}

/// The type that a line begins to define.
fn defined_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(after) if after.starts_with('(') => after.split_once(')')?.1.trim_start(),
        Some(after) => after.trim_start(),
        None => line,
    };
    let keywords = ["struct ", "enum ", "trait ", "type "];
    let name = keywords.iter().find_map(|keyword| line.strip_prefix(keyword))?;
    let end = name.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(name.len());
    Some(&name[..end]).filter(|name| name.starts_with(char::is_uppercase))
}

#[test]
fn type_names_are_unique() {
    let mut names = BTreeMap::new();
    definitions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    names.retain(|name, files| files.len() > 1 && !PRESCRIBED.contains(&name.as_str()));
    assert!(names.is_empty(), "several types have one name: {names:#?}");
}

#[test]
fn definitions_are_found() {
    for (line, name) in [
        ("pub struct KeyId(Uuid);", Some("KeyId")),
        ("    pub(super) enum Engine {", Some("Engine")),
        ("type Later<'e, T> = Pin<T>;", Some("Later")),
        ("trait Piece {", Some("Piece")),
        ("let type_name = 1;", None),
        ("// struct Comment", None),
    ] {
        assert_eq!(defined_type(line), name, "{line}");
    }
}
