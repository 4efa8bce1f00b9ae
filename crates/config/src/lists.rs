//! The lists of an image: packages, requirements and data, each from the variable, the image or what is common.

use pep508_rs::{Requirement, VerbatimUrl};

use crate::env;
use crate::error::{ConfigError, Duplicate};
use crate::file::{ImageEntry, RequirementEntry};
use crate::images::Maker;
use crate::project::ProjectSpec;
use crate::text::Text;
use pannier_base::name::ImageName;
use pannier_base::secret::scrub;
use pannier_core::constraints::{ConstraintLine, url_hash};
use pannier_core::request::origin::{Effective, Origin};
use pannier_core::request::{DataRequest, PackageRequest, ProjectSource};

/// Requirements, and those of them that state hashes.
type Requirements = (Vec<Requirement<VerbatimUrl>>, Vec<ConstraintLine>);

/// The projects of a list, each as it was written.
type Specs = Effective<Vec<ProjectSpec>>;

impl Maker<'_, '_, '_> {
    pub(super) fn packages(
        &mut self,
        image: &ImageName,
        entry: &ImageEntry,
    ) -> Result<Vec<PackageRequest>, ConfigError> {
        let file = self.inputs.file();
        let lists = [&entry.packages, &file.packages];
        let specs = self.specs(image, "packages", env::PACKAGES, lists)?;
        let mut packages: Vec<PackageRequest> = Vec::new();
        for (i, spec) in specs.value.iter().enumerate() {
            let package = PackageRequest {
                name: spec.name.clone(),
                extras: spec.extras.clone(),
                source: self.source(spec, &specs.origin)?,
            };
            let same = packages.iter().position(|other| {
                (package.name.is_some() && other.name == package.name)
                    || same_project(&other.source, &package.source)
            });
            if let Some(other) = same {
                return Err(ConfigError::Duplicate(Box::new(Duplicate {
                    image: image.clone(),
                    origin: specs.origin.clone(),
                    what: "package",
                    first: specs.value[other].text.clone(),
                    second: specs.value[i].text.clone(),
                    help: "keep one of them; one pair of brackets can have the extras of both",
                })));
            }
            packages.push(package);
        }
        Ok(packages)
    }

    pub(super) fn data(
        &mut self,
        image: &ImageName,
        entry: &ImageEntry,
    ) -> Result<Vec<DataRequest>, ConfigError> {
        let file = self.inputs.file();
        let specs = self.specs(image, "data", env::DATA, [&entry.data, &file.data])?;
        let mut data: Vec<DataRequest> = Vec::new();
        for (i, spec) in specs.value.iter().enumerate() {
            let (origin, text) = (specs.origin.clone(), spec.text.clone());
            if !spec.extras.is_empty() {
                return Err(ConfigError::DataExtras { origin, text });
            }
            let name = spec.label.clone().unwrap_or_else(|| spec.last_component());
            let name = name.parse().map_err(|source| ConfigError::DataName {
                origin,
                text,
                source,
            })?;
            if let Some(other) = data.iter().position(|other| other.name == name) {
                return Err(ConfigError::Duplicate(Box::new(Duplicate {
                    image: image.clone(),
                    origin: specs.origin.clone(),
                    what: "data project",
                    first: specs.value[other].text.clone(),
                    second: specs.value[i].text.clone(),
                    help: "keep one of them, or set another folder for one: `other-name @ …`",
                })));
            }
            let source = self.source(spec, &specs.origin)?;
            data.push(DataRequest { name, source });
        }
        Ok(data)
    }

    pub(super) fn requirements(
        &mut self,
        image: &ImageName,
        entry: &ImageEntry,
    ) -> Result<Requirements, ConfigError> {
        let (origin, list) = match (&entry.requirements, &self.inputs.file().requirements) {
            (Some(list), _) => (self.key_of(image, "requirements"), list.as_slice()),
            (None, Some(list)) => (self.inputs.key("requirements"), list.as_slice()),
            (None, None) => (Origin::Default, [].as_slice()),
        };
        self.note(image, &["requirements"], &origin);
        let (mut requirements, mut hashed) = (Vec::new(), Vec::new());
        for Text(entry) in list {
            match entry {
                RequirementEntry::Requirement(one) => {
                    let hash = url_hash(one).unwrap_or_default();
                    hashed.extend(hash.map(|hash| {
                        let file = self.inputs.file_name().into();
                        ConstraintLine::new((**one).clone(), file, 0).with_hashes(vec![hash])
                    }));
                    requirements.push((**one).clone());
                }
                RequirementEntry::File(path) => {
                    let found = self.loader.requirements(path);
                    let found = found.map_err(|source| ConfigError::Requirements {
                        origin: origin.clone(),
                        path: path.clone(),
                        source,
                    })?;
                    requirements.extend(found.requirements);
                    hashed.extend(found.hashed);
                }
            }
        }
        Ok((requirements, hashed))
    }

    /// The list that holds for an image: the variable's, else its own, else the common one.
    fn specs(
        &mut self,
        image: &ImageName,
        key: &'static str,
        variable: &'static str,
        [own, common]: [&Option<Vec<Text<ProjectSpec>>>; 2],
    ) -> Result<Specs, ConfigError> {
        let plain = |list: &[Text<ProjectSpec>]| list.iter().map(|spec| spec.0.clone()).collect();
        let specs = match (self.inputs.environment.get(variable), own, common) {
            (Some(text), ..) => from_variable(text, variable)?,
            (None, Some(own), _) => Effective::new(plain(own), self.key_of(image, key)),
            (None, None, Some(common)) => Effective::new(plain(common), self.inputs.key(key)),
            (None, None, None) => Effective::new(Vec::new(), Origin::Default),
        };
        self.note(image, &[key], &specs.origin);
        Ok(specs)
    }

    fn source(&self, spec: &ProjectSpec, origin: &Origin) -> Result<ProjectSource, ConfigError> {
        let base = self.common.git_base.as_ref().map(|base| &base.value);
        spec.source(base, &self.common.branch.value)
            .map_err(|source| ConfigError::NoBase {
                origin: origin.clone(),
                text: spec.text.clone(),
                source,
            })
    }
}

/// Projects separated by white space; `name @ URL` may have its blanks.
fn from_variable(text: &str, variable: &'static str) -> Result<Specs, ConfigError> {
    let origin = Origin::Variable(variable.to_owned());
    let mut texts: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match texts.last_mut() {
            Some(last) if open || word == "@" => {
                last.push(' ');
                last.push_str(word);
            }
            _ => texts.push(word.to_owned()),
        }
        open = word == "@";
    }
    let specs = texts.iter().map(|text| {
        text.parse().map_err(|source| ConfigError::Project {
            origin: origin.clone(),
            text: scrub(text),
            source,
        })
    });
    Ok(Effective::new(specs.collect::<Result<_, _>>()?, origin))
}

/// Whether both are the same project, at whatever revision.
fn same_project(a: &ProjectSource, b: &ProjectSource) -> bool {
    match (a, b) {
        (ProjectSource::Directory { path: a }, ProjectSource::Directory { path: b }) => a == b,
        (
            ProjectSource::Git {
                repository: a,
                subdirectory: a_folder,
                ..
            },
            ProjectSource::Git {
                repository: b,
                subdirectory: b_folder,
                ..
            },
        ) => a.without_credentials() == b.without_credentials() && a_folder == b_folder,
        _ => false,
    }
}
