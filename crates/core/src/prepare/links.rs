//! Checks all links of an image's data projects together, before a tarball of them appears: `unpack` follows them in the
//! same way, by [`pannier_base::paths::check_link`].

use std::collections::HashMap;
use std::sync::Arc;

use pannier_archive::entries::{Content, Pack};
use pannier_archive::venv::{Item, ItemKind};
use pannier_base::paths::{AbsoluteLinks, check_link};

use super::error::PrepareError;
use super::plan::{DataPlan, DataSource, ImagePlan};
use super::ready_set::ReadySet;

/// Checks the links of `image`, whose own entries are `head`. Waits for its data projects.
///
/// # Errors
/// [`PrepareError::Link`] for the first link that `unpack` would refuse.
pub(super) fn check(
    image: &ImagePlan,
    head: &[Item],
    ready: &ReadySet,
    absolute: AbsoluteLinks,
) -> Result<(), PrepareError> {
    let mut links = Links::default();
    for item in head {
        if let ItemKind::Symlink { target } = &item.kind {
            links.own.insert(item.path.clone(), target.clone());
        }
    }
    for plan in &image.data {
        let project = Project::new(ready.data(plan)?.pack);
        links.projects.insert(plan.name.as_str(), project);
    }
    for plan in &image.data {
        let project = &links.projects[plan.name.as_str()];
        for &number in &project.links {
            let (path, own_target) = project.link(number);
            let full = format!("data/{}/{path}", plan.name);
            let checked = check_link(&full, absolute, |path| links.target(path));
            checked.map_err(|fault| PrepareError::Link {
                name: plan.name.clone(),
                place: place(plan),
                path: path.to_owned(),
                target: own_target.to_owned(),
                fault,
            })?;
        }
    }
    Ok(())
}

/// All links of an image.
#[derive(Default)]
struct Links<'a> {
    /// Those of the venv, by their paths.
    own: HashMap<String, String>,
    /// By their names.
    projects: HashMap<&'a str, Project>,
}

impl Links<'_> {
    /// The target of the link at `path` of the tarball.
    fn target(&self, path: &str) -> Option<&str> {
        let in_data = path.strip_prefix("data/");
        match in_data.and_then(|rest| rest.split_once('/')) {
            Some((name, path)) => self.projects.get(name)?.target(path),
            None => self.own.get(path).map(String::as_str),
        }
    }
}

/// The links of a data project.
struct Project {
    pack: Arc<Pack>,
    /// Numbers of the entries that are links, sorted by path.
    links: Vec<usize>,
}

impl Project {
    fn new(pack: Arc<Pack>) -> Self {
        let entries = pack.iter().enumerate();
        let links = entries.filter(|(_, entry)| matches!(entry.content, Content::Symlink { .. }));
        let mut links: Vec<usize> = links.map(|(number, _)| number).collect();
        let path = |number: &usize| pack.get(*number).map(|entry| &*entry.path);
        links.sort_by(|a, b| path(a).cmp(&path(b)));
        Self { pack, links }
    }

    /// Path and target of a link.
    fn link(&self, number: usize) -> (&str, &str) {
        let entry = self.pack.get(number);
        match entry.map(|entry| (&*entry.path, &entry.content)) {
            Some((path, Content::Symlink { target })) => (path, target),
            _ => unreachable!("the numbers are those of links"),
        }
    }

    fn target(&self, path: &str) -> Option<&str> {
        let found = self
            .links
            .binary_search_by(|number| self.link(*number).0.cmp(path));
        found.ok().map(|at| self.link(self.links[at]).1)
    }
}

fn place(plan: &DataPlan) -> String {
    match &plan.source {
        DataSource::Git {
            repository, commit, ..
        } => format!("commit {commit} of {}", repository.without_credentials()),
        DataSource::Directory { path } => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::*;
    use crate::store::StoredData;
    use pannier_archive::tarball::{Container, Contents, Manifest, Mtime, Packing, Part, assemble};
    use pannier_archive::unpack::{self, Input, Target};
    use pannier_archive::venv::{Planner, PythonLink, SMALL_FILE, VenvOptions};
    use pannier_archive::zip::{self, Rules};
    use pannier_base::digest::Digest;

    /// The links of a project by their paths.
    type Tree = BTreeMap<String, String>;

    /// The container of a project: its links and one file; `None` where no snapshot is made of it.
    fn snapshot(project: &Tree) -> Option<(Arc<File>, Pack)> {
        let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
        writer.bytes("README", false, b"text").unwrap();
        for (path, target) in project {
            writer.symlink(path, target).ok()?;
        }
        let file = writer.finish().ok()?;
        let pack = zip::verify(&file, &Rules::snapshot());
        Some((Arc::new(file), pack.expect("what is written is accepted")))
    }

    /// The manifest of an image without packages.
    fn manifest() -> Manifest {
        let text = serde_json::json!({
            "format": Manifest::FORMAT,
            "pannier": "0.1.0",
            "lock": Digest::of(b"lock"),
            "image": {"name": "builder"},
            "target": {
                "python": "3.13",
                "platform": "x86_64-manylinux_2_41",
                "interpreter": "/usr/bin/python3",
            },
            "packages": [],
            "data": [],
        });
        serde_json::from_value(text).unwrap()
    }

    /// Whether `prepare` and whether `unpack` accept an image of these projects; `None` where no tarball comes of them.
    fn judged(projects: &[Tree], absolute: AbsoluteLinks) -> Option<(bool, bool)> {
        let venv = VenvOptions {
            target: pannier_base::platform::Target {
                python: "3.13.2".parse().unwrap(),
                platform: "x86_64-manylinux_2_41".parse().unwrap(),
            },
            interpreter: "/usr/bin/python3".into(),
            python_link: PythonLink::Absolute,
            small: SMALL_FILE,
        };
        let (_, head) = Planner::start(&venv).unwrap();
        let ready = ReadySet::default();
        let mut image = ImagePlan {
            name: "builder".parse().unwrap(),
            image: None,
            target: venv.target,
            interpreter: venv.interpreter,
            python_link: PythonLink::Absolute,
            packages: Vec::new(),
            data: Vec::new(),
            overrides: Vec::new(),
        };
        let mut containers = Vec::new();
        for (number, project) in projects.iter().enumerate() {
            let plan = DataPlan {
                name: format!("p{number}").parse().unwrap(),
                source: DataSource::Directory { path: "p".into() },
            };
            let (file, pack) = snapshot(project)?;
            ready.add_data(
                plan.clone(),
                StoredData {
                    path: "snapshot.zip".into(),
                    sha256: Digest::of(b""),
                    pack: Arc::new(pack.clone()),
                },
            );
            containers.push((plan.name.clone(), file, pack));
            image.data.push(plan);
        }
        let mut parts = vec![Part::data_folder()];
        for (name, file, pack) in &containers {
            let container = Container {
                file,
                pack,
                origin: None,
            };
            parts.push(Part::data(name, container).ok()?);
        }
        let manifest = manifest();
        let contents = Contents {
            manifest: &manifest,
            head: Some(&head),
            mtime: Mtime::default(),
            packing: Packing::default(),
            cache: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let tarball = folder.path().join("builder.tar.gz");
        assemble(&contents, &parts, File::create(&tarball).unwrap()).ok()?;
        let options = unpack::Options {
            jobs: NonZeroUsize::MIN,
            expected: None,
            manifest: None,
            absolute_links: absolute,
            force: false,
        };
        let target = Target::Folder(folder.path().join("tree"));
        let unpacked = unpack::unpack(Input::File(&tarball), &target, &options);
        let prepared = check(&image, &head, &ready, absolute);
        Some((prepared.is_ok(), unpacked.is_ok()))
    }

    fn project(links: &[(&str, &str)]) -> Tree {
        let owned = |(path, target): &(&str, &str)| ((*path).to_owned(), (*target).to_owned());
        links.iter().map(owned).collect()
    }

    #[test]
    fn links_are_judged_over_all_projects_and_the_venv() {
        type Links = &'static [(&'static str, &'static str)];
        let cases: [(Links, Links, bool); 9] = [
            (&[("a", "README")], &[("b", "missing")], true),
            (&[("python", "../../venv/bin/python3")], &[], true),
            (&[("a", "../p1/b")], &[("b", "../p0/README")], true),
            (&[("a", "/etc/passwd")], &[], false),
            (&[("venv/bin/python", "/usr/bin/python3")], &[], false),
            (&[("a", "../../..")], &[], false),
            (&[("a", "../p1/up/../../x")], &[("up", "..")], false),
            (&[("a", "../../venv/bin/python/../x")], &[], false),
            (&[("a", "b"), ("b", "c"), ("c", "../../../x")], &[], false),
        ];
        for (first, second, expected) in cases {
            let projects = [project(first), project(second)];
            let judged = judged(&projects, AbsoluteLinks::Refuse);
            assert_eq!(judged, Some((expected, expected)), "{first:?} {second:?}");
        }
        let kept = [project(&[("a", "/etc/passwd"), ("b", "a/../..")])];
        assert_eq!(judged(&kept, AbsoluteLinks::Keep), Some((true, true)));
        let outside = [project(&[("a", "../../../etc/passwd")])];
        assert_eq!(judged(&outside, AbsoluteLinks::Keep), Some((false, false)));
    }

    #[test]
    fn names_and_targets_that_no_tree_holds_make_no_snapshot() {
        let long = [
            "n".repeat(255),
            "n".repeat(256),
            "é".repeat(127),
            "é".repeat(128),
        ];
        for (name, expected) in long.iter().zip([true, false, true, false]) {
            let by_name = judged(&[project(&[(name, "README")])], AbsoluteLinks::Refuse);
            assert_eq!(by_name, expected.then_some((true, true)));
            let by_target = judged(&[project(&[("a", name)])], AbsoluteLinks::Refuse);
            assert_eq!(by_target, expected.then_some((true, true)));
        }
        for target in ["", "a\0b", &"./".repeat(2048)] {
            let judged = judged(&[project(&[("a", target)])], AbsoluteLinks::Refuse);
            assert_eq!(judged, None, "{target:?}");
        }
        let longest = "./".repeat(2047);
        let judged = judged(&[project(&[("a", &longest)])], AbsoluteLinks::Refuse);
        assert_eq!(judged, Some((true, true)));
    }

    fn texts(parts: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        let parts = proptest::collection::vec(proptest::sample::select(parts), 1..most);
        parts.prop_map(|parts| parts.join("/"))
    }

    fn projects() -> impl Strategy<Value = Vec<Tree>> {
        let paths = texts(&["a", "b", "A", "ä", "c d"], 4);
        let targets = texts(
            &[
                "a",
                "b",
                "A",
                "ä",
                "c d",
                "..",
                "..",
                ".",
                "",
                "p0",
                "p1",
                "data",
                "venv/bin/python",
                "README",
            ],
            6,
        );
        let project = proptest::collection::btree_map(paths, targets, 0..6);
        proptest::collection::vec(project, 2)
    }

    proptest! {
        #[test]
        fn unpack_accepts_what_prepare_accepts_and_nothing_else(projects in projects(), keep: bool) {
            let absolute = match keep {
                true => AbsoluteLinks::Keep,
                false => AbsoluteLinks::Refuse,
            };
            if let Some((prepared, unpacked)) = judged(&projects, absolute) {
                prop_assert_eq!(prepared, unpacked);
            }
        }
    }
}
