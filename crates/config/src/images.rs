//! The images of a request: each with its own lists, or the common ones, and the one that `--here` stands for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::common::Common;
use crate::error::{ConfigError, nearest};
use crate::file::ImageEntry;
use crate::flags::HereImage;
use crate::inputs::Inputs;
use pannier_base::name::ImageName;
use pannier_base::platform::Target;
use pannier_core::constraints::Loader;
use pannier_core::request::ImageRequest;
use pannier_core::request::origin::{Origin, Provenance};

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

/// What the image of `--here` is called: after `--image`, else `here`. Where the file describes images `--image` is one of
/// them: a name with a slip in it would join the lock as one more image.
fn here_name<'a>(inputs: &Inputs<'a>) -> Result<Option<(ImageName, &'a HereImage)>, ConfigError> {
    let flags = inputs.flags;
    let Some(machine) = &flags.here else {
        return Ok(None);
    };
    let text = match flags.images.as_slice() {
        [] => "here",
        [one] => {
            let known = &inputs.file().images;
            if !known.is_empty() && !known.keys().any(|name| name.as_str() == one) {
                let names = known.keys().map(ImageName::as_str).collect::<Vec<_>>();
                return Err(unknown(inputs, one, &names));
            }
            one
        }
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
    let known: Vec<&str> = requests.iter().map(|image| image.name.as_str()).collect();
    let mut selected = Vec::new();
    for wanted in &inputs.flags.images {
        let Some(image) = requests.iter().find(|image| image.name.as_str() == wanted) else {
            return Err(unknown(inputs, wanted, &known));
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

fn unknown(inputs: &Inputs<'_>, name: &str, known: &[&str]) -> ConfigError {
    let list = format!("known are {}", known.join(", "));
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    };
    ConfigError::UnknownImage {
        name: name.to_owned(),
        file: inputs.file_name(),
        help,
    }
}

/// What making one image after the other needs.
pub(super) struct Maker<'a, 'b, 'c> {
    pub inputs: &'a Inputs<'b>,
    pub common: &'a Common,
    pub loader: &'a mut Loader<'c>,
    provenance: &'a mut Provenance,
}

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
        if entry.python_link.is_some() {
            let origin = self.key_of(name, "python_link");
            self.note(name, &["python_link"], &origin);
        }
        let packages = self.packages(name, entry)?;
        let (requirements, hashed) = self.requirements(name, entry)?;
        let data = self.data(name, entry)?;
        Ok(ImageRequest {
            name: name.clone(),
            image,
            target,
            interpreter,
            python_link: entry.python_link.map(Into::into).unwrap_or_default(),
            packages,
            requirements,
            hashed,
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

    pub(super) fn key_of(&self, image: &ImageName, key: &str) -> Origin {
        self.inputs.key(&format!("images.{image}.{key}"))
    }

    pub(super) fn note(&mut self, image: &ImageName, keys: &[&str], origin: &Origin) {
        for key in keys {
            self.provenance
                .insert(format!("images.{image}.{key}"), origin.clone());
        }
    }
}
