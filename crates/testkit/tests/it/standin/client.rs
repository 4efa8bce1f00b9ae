//! A client that hides nothing: raw requests and what came back.

use std::process::Command;

use reqwest::blocking::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

use pannier_testkit::git_http::sealed;
use pannier_testkit::gitlab::{Gitlab, Project};

/// What came back.
#[derive(Debug)]
pub struct Came {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Came {
    pub fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The field of each row.
    pub fn column(&self, name: &str) -> Vec<Value> {
        let rows = self.json();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].clone())
            .collect()
    }
}

/// Calls the API with one token, in the header that is given with it.
pub struct Api {
    client: Client,
    base: String,
    header: &'static str,
    token: String,
}

impl Api {
    pub fn new(gitlab: &Gitlab, token: &str) -> Self {
        Self::with(gitlab, "private-token", token)
    }

    pub fn with(gitlab: &Gitlab, header: &'static str, token: &str) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            client: client.build().unwrap(),
            base: gitlab.api(),
            header,
            token: token.to_owned(),
        }
    }

    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Came {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.parse().unwrap(), url);
        if !self.token.is_empty() {
            request = request.header(self.header, &self.token);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        Came::of(request.send().unwrap())
    }

    pub fn get(&self, path: &str) -> Came {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Came {
        self.call("POST", path, Some(body))
    }

    pub fn send(&self, path: &str, header: (&str, &str)) -> Came {
        let request = self
            .client
            .get(format!("{}{path}", self.base))
            .header(self.header, &self.token);
        Came::of(request.header(header.0, header.1).send().unwrap())
    }
}

/// A clone to push from.
pub struct Clone {
    folder: TempDir,
}

impl Clone {
    pub fn of(project: &Project, user: &str, token: &str) -> Self {
        let clone = Self {
            folder: TempDir::new().unwrap(),
        };
        clone
            .git(&["clone", "-q", &project.url_as(user, token), "."])
            .unwrap();
        clone
    }

    /// What git printed, as error when it failed.
    pub fn git(&self, arguments: &[&str]) -> Result<String, String> {
        run(sealed(self.folder.path()).args(arguments))
    }

    /// Commits a file on top of `at`, and gives the commit.
    pub fn commit(&self, at: &str) -> String {
        self.git(&["checkout", "-q", "--detach", at]).unwrap();
        std::fs::write(self.folder.path().join("file"), at).unwrap();
        self.git(&["add", "file"]).unwrap();
        self.git(&["commit", "-q", "--allow-empty", "-m", "work"])
            .unwrap();
        self.git(&["rev-parse", "HEAD"]).unwrap().trim().to_owned()
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout) + &text(&output.stderr)),
        false => Err(text(&output.stdout) + &text(&output.stderr)),
    }
}
