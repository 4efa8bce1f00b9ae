//! The layers of the workspace: which modules of a crate may import which, and no two files that import each other.
//!
//! Between crates the compiler enforces the order. Here every file is parsed; paths are followed through re-exports to the file that
//! defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// For each crate its top modules: each imports only modules that stand before it.
const ORDER: [(&str, &[&str]); 4] = [
    (
        "base",
        &[
            "secret", "visible", "name", "digest", "url", "platform", "paths", "class", "problem",
            "event", "cancel",
        ],
    ),
    (
        "archive",
        &[
            "limited", "atomic", "abort", "entries", "zip", "wheel", "venv", "tarball", "unpack",
            "inspect",
        ],
    ),
    (
        "clients",
        &["child", "http", "git", "gitlab", "python", "uv"],
    ),
    (
        "core",
        &[
            "constraints",
            "renovate",
            "request",
            "lock",
            "store",
            "wheel_build",
            "resolve",
            "prepare",
            "gate",
            "audit",
            "release",
            "deploy",
            "guard",
            "constraint_tools",
            "session",
        ],
    ),
];

/// Files that import each other all the same, and why.
const CYCLES: [(&[&str], &str); 1] = [(
    &["clients: gitlab::error", "clients: gitlab::token"],
    "a missing token is an error, and that error names the token",
)];

/// A path as its segments.
type Segments = Vec<String>;

/// One file: the module that it is, what it imports, and what it exports from elsewhere.
struct Module {
    path: Segments,
    file: PathBuf,
    /// As written, relative to the module.
    imports: Vec<Segments>,
    /// Name and where it is from; `*` for all of a module.
    exports: Vec<(String, Segments)>,
    children: Vec<String>,
}

/// The files of one crate.
struct Crate(Vec<Module>);

impl Crate {
    fn read(source: &Path) -> Self {
        let mut modules = Vec::new();
        read(source, &source.join("lib.rs"), Vec::new(), &mut modules);
        Self(modules)
    }

    fn module(&self, path: &[String]) -> Option<usize> {
        self.0.iter().position(|module| module.path == path)
    }

    /// The path from the crate's root, without `crate`, `self` and `super`. `None`: it is of another crate.
    fn absolute(&self, from: usize, written: &[String]) -> Option<Segments> {
        let module = &self.0[from];
        let (first, rest) = written.split_first()?;
        let mut base = module.path.clone();
        match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => {}
            "super" => {
                base.pop();
                let ups = rest.iter().take_while(|it| *it == "super").count();
                base.truncate(base.len().saturating_sub(ups));
                return Some([base, rest[ups..].to_vec()].concat());
            }
            child if module.children.iter().any(|it| it == child) => base.push(child.to_owned()),
            _ => return None,
        }
        Some([base, rest.to_vec()].concat())
    }

    /// The module whose file defines what `path` leads to.
    fn defines(&self, path: &[String], depth: usize) -> Option<usize> {
        let mut at = self.module(&[])?;
        for (number, segment) in path.iter().enumerate() {
            let next = [self.0[at].path.clone(), vec![segment.clone()]].concat();
            if let Some(child) = self.module(&next) {
                at = child;
                continue;
            }
            if depth > 0 {
                for (name, from) in &self.0[at].exports {
                    let from = self.absolute(at, from)?;
                    let rest = &path[number + 1..];
                    if name == segment {
                        return self.defines(&[from, rest.to_vec()].concat(), depth - 1);
                    }
                    if name == "*" && self.module(&from).is_some() {
                        let whole = [from, path[number..].to_vec()].concat();
                        if let Some(found) = self.defines(&whole, depth - 1) {
                            return Some(found);
                        }
                    }
                }
            }
            break;
        }
        Some(at)
    }

    /// Which files import which, by number.
    fn edges(&self) -> BTreeSet<(usize, usize)> {
        let mut edges = BTreeSet::new();
        for (from, module) in self.0.iter().enumerate() {
            for import in &module.imports {
                let path = self.absolute(from, import);
                let to = path.and_then(|path| self.defines(&path, 5));
                edges.extend(to.filter(|to| *to != from).map(|to| (from, to)));
            }
        }
        edges
    }

    /// Groups of files that reach each other, each sorted.
    fn cycles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let number = self.0.len();
        let mut reaches = vec![vec![false; number]; number];
        for (from, to) in edges {
            reaches[from][to] = true;
        }
        for through in 0..number {
            let onward = reaches[through].clone();
            for from in &mut reaches {
                if from[through] {
                    from.iter_mut()
                        .zip(&onward)
                        .for_each(|(at, more)| *at |= more);
                }
            }
        }
        let mut groups = BTreeSet::new();
        for (one, row) in reaches.iter().enumerate() {
            let group = (0..number).filter(|other| row[*other] && reaches[*other][one]);
            let group: Vec<_> = group.map(|it| self.0[it].path.join("::")).collect();
            if group.len() > 1 {
                groups.insert(group);
            }
        }
        groups.into_iter().collect()
    }
}

/// Parses a file and those of its modules.
fn read(source: &Path, file: &Path, path: Segments, modules: &mut Vec<Module>) {
    let text = std::fs::read_to_string(file).unwrap();
    let parsed =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut found = Found::default();
    found.visit_file(&parsed);
    let folder = if path.is_empty() {
        source.to_owned()
    } else {
        source.join(path.iter().collect::<PathBuf>())
    };
    let children: Vec<String> = found.children;
    modules.push(Module {
        path: path.clone(),
        file: file.to_owned(),
        imports: found.imports,
        exports: found.exports,
        children: children.clone(),
    });
    for child in children {
        let single = folder.join(format!("{child}.rs"));
        let file = if single.is_file() {
            single
        } else {
            folder.join(&child).join("mod.rs")
        };
        let path = [path.clone(), vec![child]].concat();
        read(source, &file, path, modules);
    }
}

/// What a file imports, exports and declares, tests aside.
#[derive(Default)]
struct Found {
    imports: Vec<Segments>,
    exports: Vec<(String, Segments)>,
    children: Vec<String>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

impl Found {
    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree, public: bool) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        let (name, path) = match tree {
            syn::UseTree::Path(path) => return self.tree(&with(&path.ident), &path.tree, public),
            syn::UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.tree(prefix, tree, public));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                (prefix.last().cloned().unwrap_or_default(), prefix.to_vec())
            }
            syn::UseTree::Name(name) => (name.ident.to_string(), with(&name.ident)),
            syn::UseTree::Rename(rename) => (rename.rename.to_string(), with(&rename.ident)),
            syn::UseTree::Glob(_) => ("*".to_owned(), prefix.to_vec()),
        };
        if public {
            self.exports.push((name, path));
        } else {
            self.imports.push(path);
        }
    }
}

impl<'a> Visit<'a> for Found {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Mod(it) => &it.attrs,
            syn::Item::Use(it) => &it.attrs,
            syn::Item::Fn(it) => &it.attrs,
            syn::Item::Impl(it) => &it.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        // A module within a file has no imports of its own but in tests.
        if module.content.is_none() {
            self.children.push(module.ident.to_string());
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&[], &item.tree, public);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Segments = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if segments.len() > 1 && path.leading_colon.is_none() {
            self.imports.push(segments);
        }
        syn::visit::visit_path(self, path);
    }
}

fn sources(name: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    crates.join(name).join("src")
}

#[test]
fn modules_import_only_those_before_them() {
    let mut wrong = Vec::new();
    for (name, order) in ORDER {
        let krate = Crate::read(&sources(name));
        let place = |number: usize| {
            let top = krate.0[number].path.first()?;
            let place = order.iter().position(|it| it == top);
            Some(place.unwrap_or_else(|| panic!("`{top}` of {name} has no place in the order")))
        };
        for (from, to) in krate.edges() {
            if place(from)
                .zip(place(to))
                .is_some_and(|(from, to)| from < to)
            {
                let (from, to) = (&krate.0[from], &krate.0[to]);
                wrong.push(format!(
                    "{} imports {}",
                    from.file.display(),
                    to.path.join("::")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other() {
    let known: BTreeMap<Vec<String>, &str> = CYCLES
        .iter()
        .map(|(files, reason)| (files.iter().map(|it| (*it).to_owned()).collect(), *reason))
        .collect();
    let (mut found, mut edges) = (BTreeSet::new(), Vec::new());
    for name in ["base", "archive", "clients", "core", "config", "cli"] {
        let krate = Crate::read(&sources(name));
        let groups = krate.cycles();
        for (from, to) in krate.edges() {
            let [from, to] = [from, to].map(|it| krate.0[it].path.join("::"));
            if groups
                .iter()
                .any(|group| group.contains(&from) && group.contains(&to))
            {
                edges.push(format!("{name}: {from} imports {to}"));
            }
        }
        let named = |group: Vec<String>| group.iter().map(|it| format!("{name}: {it}")).collect();
        found.extend(groups.into_iter().map(named));
    }
    let expected: BTreeSet<Vec<String>> = known.into_keys().collect();
    let list =
        |groups: BTreeSet<Vec<String>>| groups.iter().map(|it| it.join(", ")).collect::<Vec<_>>();
    assert_eq!(list(found), list(expected), "{}", edges.join("\n"));
}
