//! The fourth step: what uv is asked, one line per requirement, with the markers of the images that want it.

use std::collections::BTreeMap;

use pep508_rs::{MarkerTree, Requirement, VerbatimUrl};

use crate::constraints::build_constraints;
use crate::request::{ImageRequest, Request};
use crate::resolve::overriding::Overriding;
use crate::resolve::projects::Projects;
use crate::resolve::stubs::{Stubs, named, requirement_on};
use pannier_base::name::{ImageName, PackageName};
use pannier_base::platform::{Tag, Target};

/// One image as resolution sees it.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// Its name.
    pub name: ImageName,
    /// What decides its wheels.
    pub target: Target,
    /// Its wheel tags, best first.
    pub tags: Vec<Tag>,
    /// The marker that holds on it.
    pub marker: String,
    /// Its requirement lines, sorted.
    pub lines: Vec<Line>,
    /// The packages that it names.
    pub requested: Vec<PackageName>,
    /// Whether another image with the same marker requests something else.
    pub narrower: bool,
}

impl Image {
    /// Its Python, such as `3.13`.
    pub fn python(&self) -> String {
        self.target.python.short()
    }
}

/// One requirement without the markers of images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    text: String,
    marker: Option<String>,
}

impl Line {
    /// The line for uv, for environments where one of `markers` holds (all of them when there is none).
    fn with(&self, markers: &[&str]) -> String {
        let images = match markers {
            [] => None,
            markers => Some(
                markers
                    .iter()
                    .map(|m| format!("({m})"))
                    .collect::<Vec<_>>()
                    .join(" or "),
            ),
        };
        match (&self.marker, images) {
            (None, None) => self.text.clone(),
            (Some(own), None) => format!("{} ; {own}", self.text),
            (None, Some(images)) => format!("{} ; {images}", self.text),
            (Some(own), Some(images)) => format!("{} ; ({own}) and ({images})", self.text),
        }
    }
}

/// What uv is asked.
#[derive(Debug, Clone)]
pub(super) struct Inputs {
    /// The images, sorted by name.
    pub images: Vec<Image>,
    /// Distinct markers of the images, sorted.
    pub environments: Vec<String>,
    /// Requirements of all images.
    pub requirements: Vec<String>,
    /// Bounds: the request's, and that each project comes from its stub.
    pub constraints: Vec<String>,
    /// The request's bounds without those that overrides set aside, and the versions that overrides name.
    pub bounds: Vec<String>,
    /// The request's bounds alone, for build backends.
    pub build_constraints: Vec<String>,
    /// Lowest Python of the images.
    pub python: String,
    /// Packages whose source archives are not taken, see [`super::ahead`].
    pub only_binary: Vec<String>,
    /// Packages whose wheels are not taken.
    pub no_binary: Vec<String>,
    /// Whether everything that builds need must have a hash.
    pub require_build_hashes: bool,
}

impl Inputs {
    pub(super) fn new(
        request: &Request,
        projects: &Projects,
        stubs: &Stubs,
        overriding: &Overriding<'_>,
    ) -> Self {
        let mut images: Vec<Image> = request
            .images
            .iter()
            .map(|image| view(image, projects, stubs, overriding))
            .collect();
        mark_narrower(&mut images);
        let mut environments: Vec<String> =
            images.iter().map(|image| image.marker.clone()).collect();
        environments.sort();
        environments.dedup();
        let lines = request.constraints.iter().flat_map(|text| &text.lines);
        let build_constraints = build_constraints(lines);
        let lines = overriding.constraints();
        let mut bounds: Vec<String> = lines.map(|line| line.constraint.to_string()).collect();
        bounds.extend(
            overriding
                .versions()
                .map(|(name, version)| format!("{name}{version}")),
        );
        let mut constraints = bounds.clone();
        constraints.extend(
            stubs
                .iter()
                .map(|(name, url)| requirement_on(name, &[], url)),
        );
        let lowest = request
            .images
            .iter()
            .map(|image| image.target.python.minor)
            .min();
        Self {
            requirements: merge(&images, environments.len()),
            environments,
            constraints,
            bounds,
            build_constraints,
            python: format!("3.{}", lowest.unwrap_or(8)),
            only_binary: Vec::new(),
            no_binary: Vec::new(),
            require_build_hashes: false,
            images,
        }
    }

    /// The requirement lines of one image alone.
    pub(super) fn alone(image: &Image) -> Vec<String> {
        image.lines.iter().map(|line| line.with(&[])).collect()
    }
}

fn view(
    image: &ImageRequest,
    projects: &Projects,
    stubs: &Stubs,
    overriding: &Overriding<'_>,
) -> Image {
    let mut lines = Vec::new();
    let mut requested = Vec::new();
    for package in &image.packages {
        let name = projects
            .name_of(&package.source)
            .expect("every source of the request was asked for its name");
        let extras: Vec<String> = package.extras.iter().map(ToString::to_string).collect();
        lines.push(Line {
            text: match overriding.version(name) {
                Some(_) => named(name, &extras),
                None => requirement_on(name, &extras, &stubs[name]),
            },
            marker: None,
        });
        requested.push(name.clone());
    }
    for requirement in &image.requirements {
        lines.push(line_of(requirement, overriding));
        requested.extend(requirement.name.to_string().parse::<PackageName>());
    }
    lines.sort();
    lines.dedup();
    requested.sort();
    requested.dedup();
    Image {
        name: image.name.clone(),
        target: image.target.clone(),
        tags: image.target.tags(),
        marker: image.target.marker(),
        lines,
        requested,
        narrower: false,
    }
}

fn line_of(requirement: &Requirement<VerbatimUrl>, overriding: &Overriding<'_>) -> Line {
    let mut bare = Requirement {
        marker: MarkerTree::TRUE,
        ..requirement.clone()
    };
    let name = bare.name.to_string().parse::<PackageName>();
    if name.is_ok_and(|name| overriding.package(&name).is_some()) {
        // Its version or URL is what the override stands in for; a constraint says what holds.
        bare.version_or_url = None;
    }
    Line {
        text: bare.to_string(),
        marker: requirement
            .marker
            .contents()
            .map(|marker| marker.to_string()),
    }
}

/// Markers cannot tell C libraries apart: images that share one and want different things need lists of their own.
fn mark_narrower(images: &mut [Image]) {
    let mut by_marker: BTreeMap<String, Vec<&mut Image>> = BTreeMap::new();
    for image in images {
        by_marker
            .entry(image.marker.clone())
            .or_default()
            .push(image);
    }
    for group in by_marker.values_mut() {
        let mut union: Vec<Line> = group.iter().flat_map(|image| image.lines.clone()).collect();
        union.sort();
        union.dedup();
        for image in group {
            image.narrower = image.lines != union;
        }
    }
}

/// All lines of all images; one that every environment needs has no marker of images.
fn merge(images: &[Image], environments: usize) -> Vec<String> {
    let mut wanted: BTreeMap<&Line, Vec<&str>> = BTreeMap::new();
    for image in images {
        for line in &image.lines {
            let markers = wanted.entry(line).or_default();
            if !markers.contains(&image.marker.as_str()) {
                markers.push(&image.marker);
            }
        }
    }
    let lines = wanted.into_iter().map(|(line, mut markers)| {
        markers.sort_unstable();
        match markers.len() == environments {
            true => line.with(&[]),
            false => line.with(&markers),
        }
    });
    lines.collect()
}
