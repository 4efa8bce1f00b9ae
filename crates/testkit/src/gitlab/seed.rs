//! How things come into being, for the API and for tests alike: users, groups, projects with their repositories, forks, merge
//! requests, tokens.

use std::collections::{BTreeMap, BTreeSet};

use pannier_base::digest::Digest;

use super::repo;
use super::settings::Settings;
use super::state::{
    Group, Id, MergeRequest, Project, ProtectedBranch, Role, State, User, Visibility,
};
use super::tokens::{Kind, Scope, Token};

impl State {
    /// A token's value: unlike all others, and the same in each run.
    pub fn new_token(&mut self, prefix: &str) -> String {
        let number = self.next("token");
        let digest = Digest::of(format!("{prefix} {number}").as_bytes()).to_string();
        format!("{prefix}{}", &digest[digest.len() - 20..])
    }

    pub fn add_user(&mut self, username: &str) -> Id {
        if let Some(user) = self.user(username) {
            return user.id;
        }
        let id = self.next("user");
        let user = User {
            id,
            username: username.to_owned(),
            name: username[..1].to_uppercase() + &username[1..],
            active: true,
            bot: false,
        };
        self.users.insert(id, user);
        id
    }

    /// The group, and those above it.
    pub fn add_group(&mut self, path: &str) -> Id {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.add_group(above);
        }
        if let Some(group) = self.groups.values().find(|group| group.full_path == path) {
            return group.id;
        }
        let id = self.next("group");
        let group = Group {
            id,
            full_path: path.to_owned(),
            members: BTreeMap::new(),
        };
        self.groups.insert(id, group);
        id
    }

    pub fn add_access_token(&mut self, user: Id, scopes: &[Scope]) -> String {
        self.add_token("glpat-", Kind::Access, user, scopes)
    }

    pub fn add_token(&mut self, prefix: &str, kind: Kind, user: Id, scopes: &[Scope]) -> String {
        let value = self.new_token(prefix);
        self.tokens.push(Token {
            value: value.clone(),
            kind,
            user,
            scopes: scopes.to_vec(),
            expires_at: None,
            revoked: false,
        });
        value
    }

    /// A private project whose repository is empty.
    pub fn add_project(&mut self, path: &str) -> Id {
        if let Some(project) = self.project_at(path) {
            return project.id;
        }
        match path.rsplit_once('/') {
            Some((space, _)) if self.user(space).is_none() => drop(self.add_group(space)),
            _ => {}
        }
        let (id, now) = (self.next("project"), self.now());
        let project = Project {
            id,
            path: path.to_owned(),
            old_paths: Vec::new(),
            default_branch: "main".to_owned(),
            visibility: Visibility::Private,
            members: BTreeMap::new(),
            forked_from: None,
            archived: false,
            protected: Vec::new(),
            resource_groups: BTreeMap::new(),
            settings: Settings::default(),
            created_at: now,
            last_activity_at: now,
        };
        self.projects.insert(id, project);
        repo::init(&self.repository(id), &self.root.join("hooks"));
        // A new project's default branch is its maintainers'.
        self.protect(id, "main", Role::Maintainer, false);
        id
    }

    pub fn protect(&mut self, project: Id, name: &str, push: Role, allow_force_push: bool) {
        let row = ProtectedBranch {
            id: self.next("protected_branch"),
            name: name.to_owned(),
            push,
            pushers: BTreeSet::new(),
            merge: Role::Maintainer,
            allow_force_push,
        };
        let rows = &mut self.project_mut(project).protected;
        rows.retain(|known| known.name != name);
        rows.push(row);
    }

    /// A first commit on the default branch.
    pub fn first_commit(&mut self, project: Id) {
        let repository = self.open(project);
        let branch = self.project(project).default_branch.clone();
        let readme = format!("# {}\n", self.project(project).path);
        let id = repo::commit(
            &repository,
            None,
            &[("README.md", Some(&readme))],
            "Initial commit\n",
            self.now(),
        );
        repo::set_ref(&repository, &format!("refs/heads/{branch}"), id);
    }

    pub fn set_default_branch(&mut self, project: Id, branch: &str) {
        let repository = self.open(project);
        repository
            .set_head(&format!("refs/heads/{branch}"))
            .expect("a reference");
        self.project_mut(project).default_branch = branch.to_owned();
    }

    /// A copy in another namespace that knows where it is from.
    pub fn add_fork(&mut self, of: Id, path: &str) -> Id {
        let id = self.add_project(path);
        repo::fetch(
            &self.open(id),
            &self.repository(of),
            &["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
        );
        let (branch, visibility) = (
            self.project(of).default_branch.clone(),
            self.project(of).visibility,
        );
        self.set_default_branch(id, &branch);
        let project = self.project_mut(id);
        project.forked_from = Some(of);
        project.visibility = visibility;
        id
    }

    /// A merge request between branches that are there, with its `refs/merge-requests/N/head`.
    pub fn add_merge_request(
        &mut self,
        author: Id,
        source: (Id, &str),
        target: (Id, &str),
        title: &str,
    ) -> Id {
        let (id, iid, now) = (
            self.next("merge_request"),
            self.next(&format!("merge request of {}", target.0)),
            self.now(),
        );
        let head =
            repo::branch(&self.open(source.0), source.1).expect("the source branch is there");
        let merge_request = MergeRequest {
            id,
            iid,
            project: target.0,
            source_project: source.0,
            source_branch: source.1.to_owned(),
            target_branch: target.1.to_owned(),
            title: title.to_owned(),
            description: String::new(),
            state: "opened",
            draft: title.starts_with("Draft:"),
            labels: Vec::new(),
            author,
            sha: head.to_string(),
            merge_commit_sha: None,
            merged_by: None,
            created_at: now,
            updated_at: now,
            merged_at: None,
        };
        self.update_head_ref(&merge_request);
        self.merge_requests.insert(id, merge_request);
        id
    }
}
