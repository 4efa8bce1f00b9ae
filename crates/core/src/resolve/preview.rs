//! What the overrides of a request would stand in for, as far as can be told without asking anyone.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::lock::model::Lock;
use crate::request::Request;
use crate::request::overrides::Override;
use crate::resolve::model::Wanted;
use crate::resolve::overriding::{Overriding, near, set_aside};
use pannier_base::name::PackageName;

/// One override before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The package or data project.
    pub name: String,
    /// From where it would come.
    pub to: String,
    /// The variable, flag or key that says it.
    pub said_by: String,
    /// Whose run it is.
    pub asked_by: Option<String>,
    /// What it would stand in for, for people; empty where nothing known has the name.
    pub stands_for: Vec<String>,
    /// Constraints that would not hold.
    pub sets_aside: Vec<String>,
    /// Names that may have been meant, where nothing has this one.
    pub near: Vec<String>,
}

/// What would be overridden, given the production lock where there is one.
#[must_use]
pub fn preview(request: &Request, production: Option<&Lock>) -> Vec<Preview> {
    let wanted = Wanted {
        request,
        parts: &std::collections::BTreeMap::new(),
        previous: production,
        upgrade: &super::Upgrade::None,
    };
    let overriding = Overriding::of(&wanted, BTreeSet::new());
    let names = names(request, production);
    let of = |one: &Override| {
        let stands_for = stands_for(one, request, production, &overriding);
        Preview {
            near: match stands_for.is_empty() {
                true => near(one.name.as_str(), &names),
                false => Vec::new(),
            },
            name: one.name.to_string(),
            to: one.value.to_string(),
            said_by: one.origin.to_string(),
            asked_by: one.asked_by.clone(),
            sets_aside: one
                .name
                .package()
                .map(|name| set_aside(request, &name))
                .unwrap_or_default(),
            stands_for,
        }
    };
    request.overrides.list.iter().map(of).collect()
}

fn stands_for(
    one: &Override,
    request: &Request,
    production: Option<&Lock>,
    overriding: &Overriding<'_>,
) -> Vec<String> {
    let mut found = Vec::new();
    for image in &request.images {
        let mut tell = |list: &str| found.push(format!("{list} of image {}", image.name));
        let is = |name: &PackageName| one.name.is(name.as_str());
        let mut packages = image.packages.iter();
        if packages.any(|package| overriding.stands_for(package).as_ref().is_some_and(is)) {
            tell("packages");
        }
        let mut required = image.requirements.iter();
        if required.any(|required| one.name.is(required.name.as_ref())) {
            tell("requirements");
        }
        if image
            .data
            .iter()
            .any(|data| one.name.is(data.name.as_str()))
        {
            tell("data");
        }
    }
    let locked = production.iter().flat_map(|lock| &lock.packages);
    let mut locked = locked.filter(|package| one.name.is(package.name.as_str()));
    if found.is_empty() && locked.next().is_some() {
        found.push("dependencies (production lock)".to_owned());
    }
    found
}

/// Every name that is known.
fn names(request: &Request, production: Option<&Lock>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = production
        .map(super::overriding::names_of)
        .unwrap_or_default();
    for image in &request.images {
        names.extend(image.data.iter().map(|data| data.name.to_string()));
        names.extend(image.requirements.iter().map(|one| one.name.to_string()));
        let packages = image.packages.iter();
        names.extend(packages.filter_map(|package| package.name.as_ref().map(ToString::to_string)));
        let packages = image.packages.iter();
        names.extend(
            packages.filter_map(|package| super::overriding::last_component(&package.source)),
        );
    }
    names
}
