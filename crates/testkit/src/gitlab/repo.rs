//! Bare repositories read and written in process, through libgit2: what the API says of branches and commits, and how tests
//! make commits. Pushes never come this way.

use std::collections::BTreeMap;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{
    Commit, FileMode, ObjectType, Oid, Repository, RepositoryInitOptions, Signature, Sort, Time,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Reply, message, not_found, time};
use super::state::{Id, State};

/// Makes the bare repository of a project, with the hooks of all.
pub fn init(path: &Path, hooks: &Path) {
    let mut options = RepositoryInitOptions::new();
    options
        .bare(true)
        .initial_head("main")
        .external_template(false);
    let repository = Repository::init_opts(path, &options).expect("a repository");
    let mut config = repository.config().expect("a configuration");
    let hooks = hooks.to_str().expect("a path in UTF-8");
    let settings = [
        ("core.hooksPath", hooks),
        ("http.receivepack", "true"),
        ("receive.autogc", "false"),
        ("receive.advertisePushOptions", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
        ("receive.hideRefs", "refs/merge-requests"),
    ];
    for (name, value) in settings {
        config.set_str(name, value).expect("a setting");
    }
}

/// Commits files (`None` removes) on top of `parent`, and gives the commit.
pub fn commit(
    repository: &Repository,
    parent: Option<Oid>,
    files: &[(&str, Option<&str>)],
    message: &str,
    at: Timestamp,
) -> Oid {
    let parent = parent.map(|id| repository.find_commit(id).expect("a commit"));
    let empty = repository
        .treebuilder(None)
        .and_then(|it| it.write())
        .expect("a tree");
    let tree = parent.as_ref().map_or(empty, Commit::tree_id);
    let mut update = TreeUpdateBuilder::new();
    for (path, text) in files {
        match text {
            Some(text) => {
                let blob = repository.blob(text.as_bytes()).expect("a blob");
                update.upsert(*path, blob, FileMode::Blob);
            }
            None => drop(update.remove(*path)),
        }
    }
    let tree = repository.find_tree(tree).expect("a tree");
    let tree = update.create_updated(repository, &tree).expect("a tree");
    let tree = repository.find_tree(tree).expect("a tree");
    let when = Time::new(at.as_second(), 0);
    let author = Signature::new("Ann Author", "ann@example.org", &when).expect("a name");
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(None, &author, &author, message, &tree, &parents)
        .expect("a commit")
}

/// Points a reference somewhere.
pub fn set_ref(repository: &Repository, name: &str, to: Oid) {
    repository
        .reference(name, to, true, "set")
        .expect("a reference");
}

/// Copies one reference of another repository with its objects.
pub fn fetch(repository: &Repository, from: &Path, specs: &[&str]) {
    let from = from.to_str().expect("a path in UTF-8");
    let mut remote = repository.remote_anonymous(from).expect("a remote");
    let mut options = git2::FetchOptions::new();
    options.download_tags(git2::AutotagOption::None);
    remote
        .fetch(specs, Some(&mut options), None)
        .expect("a fetch");
}

/// Names and heads of all branches.
pub fn branches(repository: &Repository) -> BTreeMap<String, Oid> {
    let references = repository
        .references_glob("refs/heads/*")
        .expect("references");
    references
        .flatten()
        .filter_map(|it| {
            let name = it.name().ok()?.strip_prefix("refs/heads/")?.to_owned();
            Some((name, it.target()?))
        })
        .collect()
}

pub fn branch(repository: &Repository, name: &str) -> Option<Oid> {
    repository.refname_to_id(&format!("refs/heads/{name}")).ok()
}

/// What the API lets stand for a commit: a branch, a tag, an id or the beginning of one.
pub fn resolve<'a>(repository: &'a Repository, name: &str) -> Option<Commit<'a>> {
    let refs = [
        format!("refs/heads/{name}"),
        format!("refs/tags/{name}"),
        name.to_owned(),
    ];
    let direct = refs.iter().filter(|it| it.starts_with("refs/"));
    let mut by_ref =
        direct.filter_map(|it| repository.find_reference(it).ok()?.peel_to_commit().ok());
    by_ref.next().or_else(|| {
        let hex = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex && name != "HEAD" {
            return None;
        }
        let object = repository.revparse_single(name).ok()?;
        object.peel(ObjectType::Commit).ok()?.into_commit().ok()
    })
}

/// The first `most` commits that are reachable from `tip` and not from `base`, newest first.
pub fn between(repository: &Repository, base: Option<Oid>, tip: Oid, most: usize) -> Vec<Oid> {
    let mut walk = repository.revwalk().expect("a walk");
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
        .expect("an order");
    walk.push(tip).expect("a commit");
    if let Some(base) = base {
        walk.hide(base).expect("a commit");
    }
    walk.flatten().take(most).collect()
}

/// True when `ancestor` is reachable from `tip`.
pub fn contains(repository: &Repository, tip: Oid, ancestor: Oid) -> bool {
    tip == ancestor
        || repository
            .graph_descendant_of(tip, ancestor)
            .unwrap_or(false)
}

/// A commit as the API shows it.
pub fn show(commit: &Commit<'_>, project_url: &str) -> Value {
    let id = commit.id().to_string();
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let title = message.lines().next().unwrap_or_default().to_owned();
    let at = |it: Time| time(Timestamp::from_second(it.seconds()).expect("a time"));
    let (author, committer) = (commit.author(), commit.committer());
    let name = |it: &Signature<'_>| String::from_utf8_lossy(it.name_bytes()).into_owned();
    let mail = |it: &Signature<'_>| String::from_utf8_lossy(it.email_bytes()).into_owned();
    json!({
        "id": id,
        "short_id": &id[..8],
        "created_at": at(committer.when()),
        "parent_ids": commit.parent_ids().map(|it| it.to_string()).collect::<Vec<_>>(),
        "title": title,
        "message": message,
        "author_name": name(&author),
        "author_email": mail(&author),
        "authored_date": at(author.when()),
        "committer_name": name(&committer),
        "committer_email": mail(&committer),
        "committed_date": at(committer.when()),
        "web_url": format!("{project_url}/-/commit/{id}"),
    })
}

impl State {
    pub fn open(&self, project: Id) -> Repository {
        Repository::open_bare(self.repository(project)).expect("the repository is there")
    }

    pub fn web_url(&self, project: Id) -> String {
        format!("{}/{}", self.base, self.project(project).path)
    }

    /// The id of the commit that `name` stands for.
    pub fn commit_id(&self, project: Id, name: &str) -> Reply<Oid> {
        let repository = self.open(project);
        let found = resolve(&repository, name).map(|commit| commit.id());
        found.ok_or_else(|| not_found("Commit"))
    }
}

/// An object id as text; what is none is a bad request.
pub fn oid(text: &str) -> Reply<Oid> {
    Oid::from_str(text).map_err(|_| message(400, "400 Bad request - not a commit"))
}
