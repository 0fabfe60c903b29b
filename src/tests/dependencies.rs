//! Dependencies point one way: modules use lower layers only, and no files use each other in a circle. Reads the code as
//! text: `use` declarations and `crate::` paths, without test modules. Re-exports are followed to where an item is defined.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// One path that a file uses, such as `crate::keys::server::Memory`, as its segments.
type ItemPath = Vec<String>;

#[derive(Default)]
struct SourceFile {
    /// Its module: `["keys", "server", "verify"]`.
    module: Vec<String>,
    /// Paths that the code uses, and paths that it only re-exports.
    uses: Vec<ItemPath>,
    reexports: Vec<ItemPath>,
}

struct SourceTree {
    /// By path below `src/`.
    files: BTreeMap<String, SourceFile>,
    by_module: BTreeMap<Vec<String>, String>,
}

impl SourceTree {
    fn read() -> Self {
        let mut files = BTreeMap::new();
        collect(Path::new(ROOT), "", &mut files);
        let by_module = files.iter().map(|(path, file)| (file.module.clone(), path.clone())).collect();
        Self { files, by_module }
    }

    /// The file that defines what a path names: re-exports are followed to where the item is.
    fn target(&self, path: &[String]) -> Option<&str> {
        let mut path = path.to_vec();
        // Each re-export leads one level deeper, so this ends.
        for _ in 0..8 {
            let depth = (1..=path.len()).rev().find(|depth| self.by_module.contains_key(&path[..*depth]))?;
            let file = &self.by_module[&path[..depth]];
            let Some(item) = path.get(depth) else { return Some(file) };
            let reexport = self.files[file].reexports.iter().find(|reexport| {
                reexport.last() == Some(item) && reexport.len() > depth && reexport[..depth] == path[..depth]
            });
            match reexport {
                Some(next) if *next != path => path = next.clone(),
                _ => return Some(file),
            }
        }
        None
    }

    /// For each file, the other files that its code uses.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let edges = self.files.iter().map(|(path, file)| {
            let targets = file.uses.iter().filter_map(|used| self.target(used));
            (path.as_str(), targets.filter(|target| target != path).collect())
        });
        edges.collect()
    }
}

fn collect(folder: &Path, below: &str, files: &mut BTreeMap<String, SourceFile>) {
    for entry in std::fs::read_dir(folder).expect("the sources are here").flatten() {
        let name = entry.file_name().into_string().expect("a readable name");
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.path().is_dir() {
            if path != "tests" {
                collect(&entry.path(), &path, files);
            }
        } else if let Some(module) = path.strip_suffix(".rs") {
            let mut module: Vec<String> = module.split('/').map(str::to_owned).collect();
            if module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let code = without_tests(&std::fs::read_to_string(entry.path()).expect("a readable file"));
            files.insert(path, parse(&code, module));
        }
    }
}

/// The code without comments and without items that only tests have.
fn without_tests(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let code = lines.collect::<Vec<_>>().join("\n");
    // Test modules stand at the end of a file.
    match code.find("#[cfg(test)]\nmod tests {") {
        Some(end) => code[..end].to_owned(),
        None => code,
    }
}

fn parse(code: &str, module: Vec<String>) -> SourceFile {
    let mut file = SourceFile { module, ..SourceFile::default() };
    let mut rest = code;
    while let Some(start) = rest.find("use ") {
        let line_start = rest[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = rest[line_start..start].trim();
        let is_declaration = before.is_empty() || before.starts_with("pub");
        let end = rest[start..].find(';').map_or(rest.len(), |end| start + end);
        if is_declaration {
            let is_test = rest[..line_start].trim_end().ends_with("#[cfg(test)]");
            let mut paths = Vec::new();
            expand(rest[start + 4..end].trim(), &mut Vec::new(), &mut paths);
            let absolute: Vec<_> = paths.iter().filter_map(|path| absolute(path, &file.module)).collect();
            match (is_test, before.is_empty()) {
                (true, _) => {}
                (false, true) => file.uses.extend(absolute),
                (false, false) => file.reexports.extend(absolute),
            }
            rest = &rest[end..];
        } else {
            rest = &rest[start + 4..];
        }
    }
    file.uses.extend(inline_paths(code));
    file
}

/// Paths of one `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str, prefix: &mut Vec<String>, paths: &mut Vec<ItemPath>) {
    let depth = prefix.len();
    match tree.find('{') {
        Some(open) => {
            let parents = tree[..open].trim().trim_end_matches("::");
            prefix.extend(
                parents.split("::").filter(|part| !part.is_empty()).map(|part| part.trim().to_owned()),
            );
            let inner = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or_default();
            let (mut level, mut from) = (0, 0);
            for (at, letter) in inner.char_indices() {
                match letter {
                    '{' => level += 1,
                    '}' => level -= 1,
                    ',' if level == 0 => {
                        expand(inner[from..at].trim(), prefix, paths);
                        from = at + 1;
                    }
                    _ => {}
                }
            }
            expand(inner[from..].trim(), prefix, paths);
        }
        None if tree.is_empty() => {}
        None => {
            let plain = tree.split(" as ").next().unwrap_or_default();
            let mut path = prefix.clone();
            path.extend(plain.split("::").map(|part| part.trim().to_owned()));
            if path.last().is_some_and(|last| last == "self" || last == "*") {
                path.pop();
            }
            paths.push(path);
        }
    }
    prefix.truncate(depth);
}

/// A path from the crate's root; None for other crates.
fn absolute(path: &[String], module: &[String]) -> Option<ItemPath> {
    let first = path.first()?.as_str();
    let supers = path.iter().take_while(|part| *part == "super").count();
    match first {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let parent = module.len().checked_sub(supers)?;
            Some([&module[..parent], &path[supers..]].concat())
        }
        // `pub use child::Item` in a mod.rs.
        _ => Some([module, path].concat()),
    }
}

fn inline_paths(code: &str) -> Vec<ItemPath> {
    let paths = code.match_indices("crate::").filter(|(at, _)| {
        !code[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':')
    });
    let paths = paths.map(|(at, start)| {
        let rest = &code[at + start.len()..];
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
        rest[..end.unwrap_or(rest.len())].split("::").map(str::to_owned).collect::<Vec<_>>()
    });
    paths.filter(|path| path.last().is_some_and(|last| !last.is_empty())).collect()
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let tree = SourceTree::read();
    let edges = tree.edges();
    let mut circles = BTreeSet::new();
    for file in edges.keys() {
        let reachable = reachable_from(&edges, file);
        if reachable.contains(file) {
            let circle: Vec<_> = reachable
                .iter()
                .filter(|other| reachable_from(&edges, other).contains(file))
                .copied()
                .collect();
            circles.insert(circle);
        }
    }
    let lines: Vec<_> = circles.iter().map(|circle| describe(&edges, circle)).collect();
    assert!(lines.is_empty(), "{} circles:\n{}", lines.len(), lines.join("\n"));
}

fn reachable_from<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, file: &str) -> BTreeSet<&'a str> {
    let mut reachable = BTreeSet::new();
    let mut next: Vec<&str> = edges[file].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reachable.insert(file) {
            next.extend(&edges[file]);
        }
    }
    reachable
}

fn describe(edges: &BTreeMap<&str, BTreeSet<&str>>, circle: &[&str]) -> String {
    let lines = circle.iter().map(|file| {
        let targets: Vec<_> = edges[file].iter().filter(|target| circle.contains(target)).copied().collect();
        format!("  {file} uses {}", targets.join(", "))
    });
    format!("{} files\n{}", circle.len(), lines.collect::<Vec<_>>().join("\n"))
}

/// The layers of `ARCHITECTURE.md`, the highest first.
fn layers() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("the architecture");
    let (_, block) = text.split_once("```text layers\n").expect("a block of layers");
    let (block, _) = block.split_once("```").expect("its end");
    block.lines().map(|line| line.split(", ").map(str::to_owned).collect()).collect()
}

#[test]
fn modules_use_lower_layers_only() {
    let tree = SourceTree::read();
    let layers = layers();
    let layer_of = |module: &str| layers.iter().position(|layer| layer.iter().any(|name| name == module));
    let top = |path: &str| path.split('/').next().unwrap_or(path).trim_end_matches(".rs").to_owned();
    let mut faults = BTreeSet::new();
    let mut found = BTreeSet::new();
    for (file, targets) in tree.edges() {
        let module = top(file);
        let Some(own) = layer_of(&module) else {
            faults.insert(format!("{module} is in no layer"));
            continue;
        };
        for target in targets {
            let other = top(target);
            found.insert((module.clone(), other.clone()));
            if other != module && layer_of(&other).is_none_or(|layer| layer <= own) {
                faults.insert(format!("{file} uses {target}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    // The reader of `use` lines works: these are in the code.
    for (upper, lower) in [("keys", "usage"), ("orgs", "accounts"), ("accounts", "audit"), ("server", "keys")]
    {
        assert!(found.contains(&(upper.to_owned(), lower.to_owned())), "{upper} uses {lower}");
    }
}

#[test]
fn use_trees_are_read_as_the_compiler_reads_them() {
    let code = "use super::{a::{B, C as D}, e};\npub use f::G;\nfn x() { crate::h::i(); }\n";
    let file = parse(code, vec!["m".into(), "n".into()]);
    let text = |paths: &[ItemPath]| paths.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(text(&file.uses), ["m::a::B", "m::a::C", "m::e", "h::i"]);
    assert_eq!(text(&file.reexports), ["m::n::f::G"]);
}
