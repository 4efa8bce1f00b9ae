//! The images of a request: each with its own lists, or the common ones, and the one that `--here` stands for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pep508_rs::{Requirement, VerbatimUrl};

use crate::config::effective::{Common, Inputs};
use crate::config::env;
use crate::config::error::{ConfigError, nearest};
use crate::config::file::{ImageEntry, RequirementEntry};
use crate::config::flags::HereImage;
use crate::config::project::ProjectSpec;
use crate::config::provenance::{Effective, Origin, Provenance};
use crate::config::request::{DataRequest, ImageRequest, PackageRequest, ProjectSource};
use crate::config::text::Text;
use crate::constraints::Loader;
use crate::name::ImageName;
use crate::target::Target;

/// All images, and those that are to be prepared.
pub(super) struct Images {
    pub requests: Vec<ImageRequest>,
    pub selected: Vec<ImageName>,
}

/// Makes the images of the request.
pub(super) fn images(
    inputs: &Inputs<'_>,
    common: &Common,
    loader: &mut Loader<'_>,
    provenance: &mut Provenance,
) -> Result<Images, ConfigError> {
    let here = here_name(inputs)?;
    let mut entries: BTreeMap<&ImageName, (&ImageEntry, Option<&HereImage>)> = inputs
        .file()
        .images
        .iter()
        .map(|(name, entry)| (name, (entry, None)))
        .collect();
    let nothing = ImageEntry::default();
    if let Some((name, machine)) = &here {
        entries.entry(name).or_insert((&nothing, None)).1 = Some(machine);
    }
    if entries.is_empty() {
        return Err(ConfigError::NoImages);
    }
    let mut maker = Maker {
        inputs,
        common,
        loader,
        provenance,
    };
    let requests = entries
        .into_iter()
        .map(|(name, (entry, machine))| maker.image(name, entry, machine))
        .collect::<Result<Vec<_>, _>>()?;
    let selected = match here {
        Some((name, _)) => vec![name],
        None => selected(inputs, &requests)?,
    };
    Ok(Images { requests, selected })
}

/// What the image of `--here` is called: after `--image`, else `here`.
fn here_name<'a>(inputs: &Inputs<'a>) -> Result<Option<(ImageName, &'a HereImage)>, ConfigError> {
    let flags = inputs.flags;
    let Some(machine) = &flags.here else {
        return Ok(None);
    };
    let text = match flags.images.as_slice() {
        [] => "here",
        [one] => one,
        more => return Err(ConfigError::HereIsOne { count: more.len() }),
    };
    let name = text.parse().map_err(|source| ConfigError::ImageName {
        origin: Origin::Flag("--image"),
        name: text.to_owned(),
        source,
    })?;
    Ok(Some((name, machine)))
}

/// The images that `--image` names, else all of them.
fn selected(inputs: &Inputs<'_>, requests: &[ImageRequest]) -> Result<Vec<ImageName>, ConfigError> {
    let known = || requests.iter().map(|image| image.name.as_str());
    let mut selected = Vec::new();
    for wanted in &inputs.flags.images {
        let Some(image) = requests.iter().find(|image| image.name.as_str() == wanted) else {
            let list = format!("known are {}", known().collect::<Vec<_>>().join(", "));
            let help = match nearest(wanted, known()) {
                Some(near) => format!("did you mean `{near}`? {list}"),
                None => list,
            };
            return Err(ConfigError::UnknownImage {
                name: wanted.clone(),
                file: inputs.file_name(),
                help,
            });
        };
        selected.push(image.name.clone());
    }
    if selected.is_empty() {
        selected = requests.iter().map(|image| image.name.clone()).collect();
    }
    selected.sort();
    selected.dedup();
    Ok(selected)
}

/// What making one image after the other needs.
struct Maker<'a, 'b, 'c> {
    inputs: &'a Inputs<'b>,
    common: &'a Common,
    loader: &'a mut Loader<'c>,
    provenance: &'a mut Provenance,
}

/// The projects of a list, each as it was written.
type Specs = Effective<Vec<ProjectSpec>>;

impl Maker<'_, '_, '_> {
    fn image(
        &mut self,
        name: &ImageName,
        entry: &ImageEntry,
        machine: Option<&HereImage>,
    ) -> Result<ImageRequest, ConfigError> {
        let (target, interpreter) = match machine {
            Some(machine) => {
                self.note(name, &["python", "platform", "interpreter"], &Origin::Here);
                (machine.target.clone(), machine.interpreter.clone())
            }
            None => {
                for key in ["python", "platform", "interpreter"] {
                    let origin = self.key_of(name, key);
                    self.note(name, &[key], &origin);
                }
                self.described(name, entry)?
            }
        };
        if !interpreter.has_root() {
            return Err(ConfigError::RelativeInterpreter {
                image: name.clone(),
                path: interpreter,
            });
        }
        let image = match (
            &entry.image,
            machine.and_then(|machine| machine.image.as_ref()),
        ) {
            (Some(image), _) => {
                let origin = self.key_of(name, "image");
                self.note(name, &["image"], &origin);
                Some(image.clone())
            }
            (None, Some(image)) => {
                self.note(name, &["image"], &Origin::Here);
                Some(image.clone())
            }
            (None, None) => None,
        };
        let packages = self.packages(name, entry)?;
        let requirements = self.requirements(name, entry)?;
        let data = self.data(name, entry)?;
        Ok(ImageRequest {
            name: name.clone(),
            image,
            target,
            interpreter,
            packages,
            requirements,
            data,
        })
    }

    /// Target and interpreter of an image that the file describes.
    fn described(
        &self,
        name: &ImageName,
        entry: &ImageEntry,
    ) -> Result<(Target, PathBuf), ConfigError> {
        let missing = |key, example| ConfigError::IncompleteImage {
            image: name.clone(),
            file: self.inputs.file_name(),
            key,
            example,
        };
        let (python, platform, interpreter) = (&entry.python, &entry.platform, &entry.interpreter);
        let python = python
            .as_ref()
            .ok_or_else(|| missing("python", "write `python: \"3.13\"`"))?;
        let platform = platform
            .as_ref()
            .ok_or_else(|| missing("platform", "write `platform: x86_64-manylinux_2_28`"))?;
        let interpreter = interpreter
            .clone()
            .ok_or_else(|| missing("interpreter", "write `interpreter: /usr/bin/python3.13`"))?;
        let target = Target {
            python: python.0,
            platform: platform.0,
        };
        Ok((target, interpreter))
    }

    fn packages(
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
                return Err(ConfigError::Duplicate {
                    image: image.clone(),
                    origin: specs.origin.clone(),
                    what: "package",
                    first: specs.value[other].text.clone(),
                    second: specs.value[i].text.clone(),
                    help: "keep one of them; the extras of both may stand in one pair of brackets",
                });
            }
            packages.push(package);
        }
        Ok(packages)
    }

    fn data(
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
                return Err(ConfigError::Duplicate {
                    image: image.clone(),
                    origin: specs.origin.clone(),
                    what: "data project",
                    first: specs.value[other].text.clone(),
                    second: specs.value[i].text.clone(),
                    help: "keep one of them, or give one another folder: `other-name @ …`",
                });
            }
            let source = self.source(spec, &specs.origin)?;
            data.push(DataRequest { name, source });
        }
        Ok(data)
    }

    fn requirements(
        &mut self,
        image: &ImageName,
        entry: &ImageEntry,
    ) -> Result<Vec<Requirement<VerbatimUrl>>, ConfigError> {
        let (origin, list) = match (&entry.requirements, &self.inputs.file().requirements) {
            (Some(list), _) => (self.key_of(image, "requirements"), list.as_slice()),
            (None, Some(list)) => (self.inputs.key("requirements"), list.as_slice()),
            (None, None) => (Origin::Default, [].as_slice()),
        };
        self.note(image, &["requirements"], &origin);
        let mut requirements = Vec::new();
        for Text(entry) in list {
            match entry {
                RequirementEntry::Requirement(one) => requirements.push((**one).clone()),
                RequirementEntry::File(path) => {
                    let found = self.loader.requirements(path);
                    requirements.extend(found.map_err(|source| ConfigError::Requirements {
                        origin: origin.clone(),
                        path: path.clone(),
                        source,
                    })?);
                }
            }
        }
        Ok(requirements)
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
                source,
            })
    }

    fn key_of(&self, image: &ImageName, key: &str) -> Origin {
        self.inputs.key(&format!("images.{image}.{key}"))
    }

    fn note(&mut self, image: &ImageName, keys: &[&str], origin: &Origin) {
        for key in keys {
            self.provenance
                .insert(format!("images.{image}.{key}"), origin.clone());
        }
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
