//! What `pannier config show` shows: each effective value and where it came from. Credentials are never among them.

use serde::Serialize;

use crate::effective::Configuration;
use pannier_archive::venv::PythonLink;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Submodules;
use pannier_core::constraints::{ConstraintLine, shown};
use pannier_core::request::origin::Origin;
use pannier_core::request::{ImageRequest, PackageRequest, ProjectSource};

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its key, as in `pannier.yml`: `branch`, `images.builder.packages`.
    pub key: String,
    /// What holds; a list has one text per entry, something that is not set has none.
    pub value: Vec<String>,
    /// The origin: a flag, a variable, a key of the file, or `default`.
    pub origin: Origin,
}

/// The effective configuration, for a table or as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Folder that relative paths start from.
    pub root: String,
    /// The images that would be prepared.
    pub selected: Vec<String>,
    /// All values: the common ones, then those of each image.
    pub values: Vec<Row>,
    /// Hosts for which there are credentials, with the setting that they are from.
    pub credentials: Vec<Known>,
}

/// That there are credentials for a host; not which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Scheme, host and port.
    pub origin: String,
    /// The variable or key that they are from.
    pub source: String,
}

impl Configuration {
    /// What holds, for people and for machines.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let request = &self.request;
        let url = |url: &SafeUrl| url.without_credentials().to_string();
        let submodules = match request.submodules {
            Submodules::Refuse => "refuse",
            Submodules::Follow => "follow",
        };
        let constraints = request.constraints.iter();
        let mut values = vec![
            self.row("git_base", self.git_base.iter().map(url)),
            self.row("branch", [self.branch.clone()]),
            self.row(
                "constraints",
                constraints.map(|c| c.path.display().to_string()),
            ),
            self.row("require_hashes", [request.require_hashes.to_string()]),
            self.row("index.url", request.index.url.iter().map(url)),
            self.row("index.extra", request.index.extra.iter().map(url)),
            self.row("submodules", [submodules.to_owned()]),
            self.row("absolute_links", [request.absolute_links.to_string()]),
            self.row("output", [self.output.display().to_string()]),
            self.row("compression", [self.compression.to_string()]),
            self.row("bytecode", [self.bytecode.to_string()]),
            self.row("store", self.store.iter().map(|s| s.display().to_string())),
        ];
        if let Some(place) = &self.releases {
            let place = format!("{}@{}", url(&place.repository), place.branch);
            values.push(self.row("releases", [place]));
        }
        if let Some(seconds) = self.source_date_epoch {
            values.push(self.row("source_date_epoch", [seconds.to_string()]));
        }
        for one in &request.overrides.list {
            let key = format!("overrides.{}", one.name);
            values.push(self.row(&key, [one.value.to_string()]));
        }
        if !self.build_environment.is_empty() {
            let names = self.build_environment.iter();
            let names = names.map(|name| name.as_str().to_owned());
            values.push(self.row("build.environment", names));
        }
        if !self.smoke.is_empty() {
            values.push(self.row("gate.smoke", self.smoke.iter().cloned()));
        }
        for image in &request.images {
            values.extend(self.image_rows(image));
        }
        Shown {
            root: request.root.display().to_string(),
            selected: self.selected.iter().map(ToString::to_string).collect(),
            values,
            credentials: self.credentials_shown(),
        }
    }

    fn image_rows(&self, image: &ImageRequest) -> Vec<Row> {
        let key = |key: &str| format!("images.{}.{key}", image.name);
        let requirements = image.requirements.iter();
        let data = image.data.iter();
        let mut rows = vec![
            self.row(&key("image"), image.image.clone()),
            self.row(&key("python"), [image.target.python.to_string()]),
            self.row(&key("platform"), [image.target.platform.to_string()]),
            self.row(
                &key("interpreter"),
                [image.interpreter.display().to_string()],
            ),
            self.row(
                &key("python_link"),
                [match image.python_link {
                    PythonLink::Absolute => "absolute".to_owned(),
                    PythonLink::None => "none".to_owned(),
                }],
            ),
            self.row(&key("packages"), image.packages.iter().map(package)),
            self.row(&key("requirements"), requirements.map(shown)),
            self.row(
                &key("data"),
                data.map(|data| format!("{} @ {}", data.name, source(&data.source))),
            ),
        ];
        if !image.hashed.is_empty() {
            let hashed = image.hashed.iter().map(hashed);
            let mut row = self.row(&key("hashes"), hashed);
            row.origin = self.row(&key("requirements"), []).origin;
            rows.insert(rows.len() - 1, row);
        }
        rows
    }

    fn row(&self, key: &str, value: impl IntoIterator<Item = String>) -> Row {
        Row {
            key: key.to_owned(),
            value: value.into_iter().collect(),
            origin: self.provenance.get(key).cloned().unwrap_or(Origin::Default),
        }
    }

    fn credentials_shown(&self) -> Vec<Known> {
        let entries = self.credentials.entries.iter().map(|entry| Known {
            origin: entry.origin.expose().origin().ascii_serialization(),
            source: entry.source.clone(),
        });
        let netrc = self.credentials.netrc.iter().map(|_| Known {
            origin: "hosts of netrc".to_owned(),
            source: "netrc".to_owned(),
        });
        entries.chain(netrc).collect()
    }
}

impl Shown {
    /// The values as rows of three columns: key, value, origin; a list takes one row per entry.
    #[must_use]
    pub fn table(&self) -> Vec<[String; 3]> {
        let mut table = Vec::new();
        for row in &self.values {
            let first = row.value.first().cloned().unwrap_or_else(|| "-".to_owned());
            table.push([row.key.clone(), first, row.origin.to_string()]);
            for more in row.value.iter().skip(1) {
                table.push([String::new(), more.clone(), String::new()]);
            }
        }
        table
    }
}

/// `six ==1.17.0: 2 hashes (requirements.txt:3)`
fn hashed(line: &ConstraintLine) -> String {
    let count = match line.hashes.len() {
        1 => "1 hash".to_owned(),
        more => format!("{more} hashes"),
    };
    let (name, specifier, place) = (line.name(), line.specifier(), line.place());
    format!("{name} {specifier}: {count} ({place})")
}

fn package(package: &PackageRequest) -> String {
    let extras: Vec<_> = package.extras.iter().map(PackageName::as_str).collect();
    let name = package.name.as_ref().map_or("", PackageName::as_str);
    let source = source(&package.source);
    match (name, extras.as_slice()) {
        ("", []) => source,
        ("", extras) => format!("[{}] @ {source}", extras.join(",")),
        (name, []) => format!("{name} @ {source}"),
        (name, extras) => format!("{name}[{}] @ {source}", extras.join(",")),
    }
}

fn source(source: &ProjectSource) -> String {
    match source {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => {
            let folder = subdirectory
                .as_ref()
                .map(|folder| format!("#subdirectory={folder}"));
            let repository = repository.without_credentials();
            format!("git+{repository}@{revision}{}", folder.unwrap_or_default())
        }
        ProjectSource::Directory { path } => path.display().to_string(),
    }
}
