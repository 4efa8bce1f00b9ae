//! The generic package registry: the files of a version, one file up, one file down. Both as streams: a tarball is never in
//! memory as a whole.
//!
//! GitLab takes a file of the same name again and again, and serves the newest. Never sends one twice by itself: whoever
//! uploads looks first what is there.

use std::fs::File;

use serde::Deserialize;

use super::error::GitlabError;
use super::project::ProjectRef;
use super::token::{Needs, Token};
use super::{ApiRequest, Gitlab};
use crate::http::{Auth, Body, Call, Method, Repeat, Response, Streamed};
use pannier_base::url::SafeUrl;

/// Name and version of a package in a project. Both hold nothing but letters, digits, `.`, `_`, `+` and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRef {
    /// The project.
    pub project: ProjectRef,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PackageFile {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub file_name: String,
    /// Its length in bytes.
    pub size: Option<u64>,
    /// Its SHA-256, hexadecimal.
    pub file_sha256: Option<String>,
}

/// A package as it is listed.
#[derive(Debug, Deserialize)]
struct Listed {
    id: u64,
    name: String,
    version: Option<String>,
}

impl Gitlab {
    /// The files of one version of a package, of each name the newest: the one that is served. None where there is no such
    /// version.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn package_files(&self, package: &PackageRef) -> Result<Vec<PackageFile>, GitlabError> {
        let project = package.project.encoded();
        let list = ApiRequest::get(format!("projects/{project}/packages"))
            .with("package_type", "generic")
            .with("package_name", &package.name)
            .with("package_version", &package.version);
        let listed: Vec<Listed> = self.list(&list, &Needs::READ_BY_JOB)?;
        // The name is searched for in names; ours must be the whole of one.
        let ours = listed.into_iter().filter(|it| {
            it.name == package.name && it.version.as_deref() == Some(package.version.as_str())
        });
        let mut newest: Vec<PackageFile> = Vec::new();
        for listed in ours {
            let path = format!("projects/{project}/packages/{}/package_files", listed.id);
            let files = self.list(&ApiRequest::get(path), &Needs::READ_BY_JOB)?;
            for file in files {
                let file: PackageFile = file;
                match newest.iter_mut().find(|it| it.file_name == file.file_name) {
                    Some(older) if older.id > file.id => {}
                    Some(older) => *older = file,
                    None => newest.push(file),
                }
            }
        }
        Ok(newest)
    }

    /// Uploads a file, once. Gives it as GitLab stored it.
    ///
    /// # Errors
    /// [`GitlabError`]; [`GitlabError::Uncertain`] when it may have arrived all the same.
    pub fn upload_package_file(
        &self,
        package: &PackageRef,
        name: &str,
        file: File,
    ) -> Result<PackageFile, GitlabError> {
        let needs = Needs::WRITE_BY_JOB;
        let token = self.tokens.for_needs(&needs)?;
        let path = file_path(package, name);
        let url = self.address(&format!("{path}?select=package_file"))?;
        let what = format!("PUT {path}");
        let call = Call {
            method: Method::PUT,
            url: &url,
            headers: vec![
                ("accept", "application/json".to_owned()),
                ("content-type", "application/octet-stream".to_owned()),
            ],
            auth: Auth::Header(token.map(Token::header)),
            body: Some(Body::File(file)),
            repeat: Repeat::Never,
        };
        let reply = self.deliver(&call, &what, &needs, token)?;
        let read = serde_json::from_slice(&reply.body);
        read.map_err(|source| GitlabError::Shape { what, source })
    }

    /// A file's bytes, to be read as they come.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn download_package_file(
        &self,
        package: &PackageRef,
        name: &str,
    ) -> Result<Response, GitlabError> {
        let needs = Needs::READ_BY_JOB;
        let token = self.tokens.for_needs(&needs)?;
        let path = file_path(package, name);
        let url: SafeUrl = self.address(&path)?;
        let what = format!("GET {path}");
        let call = Call {
            method: Method::GET,
            url: &url,
            headers: vec![("accept-encoding", "identity".to_owned())],
            auth: Auth::Header(token.map(Token::header)),
            body: None,
            repeat: Repeat::Harmless,
        };
        match self.client.call_streamed(&call) {
            Ok(Streamed::Body(response)) => Ok(response),
            Ok(Streamed::Refused(reply)) => Err(GitlabError::of_reply(what, &reply, &needs, token)),
            Err(source) => Err(GitlabError::Connection { what, source }),
        }
    }
}

fn file_path(package: &PackageRef, file: &str) -> String {
    let project = package.project.encoded();
    let (name, version) = (&package.name, &package.version);
    format!("projects/{project}/packages/generic/{name}/{version}/{file}")
}
