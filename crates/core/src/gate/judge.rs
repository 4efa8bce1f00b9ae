//! The order of the checks, and what each of them says about each bump.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::blame::Set;
use super::change::{ImageChange, image_change};
use super::conversion::Conversion;
use super::dependency_check::Needs;
use super::error_class::{ErrorClass, told};
use super::image::{Affected, Side};
use super::index_check::{IndexCheck, worse};
use super::report::{Blamed, BumpVerdict, Check, CheckResult, JudgedBump, Outcome, Reach, Report};
use super::resolving::{Case, Failed, Found, Resolver, Unwarned};
use super::{Question, Tools};
use crate::constraints::{Bump, compare};
use crate::lock::model::Lock;
use pannier_base::name::{ImageName, PackageName};

/// Names of the checks of the set as a whole.
const CONVERSION: &str = "conversion";
const OLD: &str = "the old constraints resolve";
pub(super) const NEW: &str = "the new constraints resolve";
const PINS: &str = "no pin is yanked";

/// Judges a change of the constraints.
#[must_use]
pub fn judge(question: &Question<'_>, tools: &Tools<'_>) -> Report {
    let bumps = compare(question.old, question.constraints());
    let mut court = GateRun {
        question,
        tools,
        bumps: &bumps,
        lookup: IndexCheck {
            question,
            tools,
            bumps: &bumps,
            default: OnceLock::new(),
        },
        resolver: Resolver::new(question, tools),
        checks: Vec::new(),
        blamed: Vec::new(),
        verdicts: vec![BumpVerdict::NotJudged; bumps.len()],
        reach: vec![BTreeMap::new(); bumps.len()],
    };
    court.sit();
    court.report()
}

/// Packages that a bump reaches, by image.
type Reached = BTreeMap<ImageName, BTreeSet<PackageName>>;

struct GateRun<'a> {
    question: &'a Question<'a>,
    tools: &'a Tools<'a>,
    bumps: &'a [Bump],
    lookup: IndexCheck<'a>,
    resolver: Resolver<'a>,
    checks: Vec<Check>,
    blamed: Vec<Blamed>,
    /// Parallel to `bumps`, as `reach`.
    verdicts: Vec<BumpVerdict>,
    reach: Vec<Reached>,
}

impl GateRun<'_> {
    fn set(&mut self, name: &str, result: CheckResult) {
        self.checks.push(Check::of_set(name, result));
    }

    fn sit(&mut self) {
        match self.question.conversion.clone() {
            Conversion::Fits => self.set(CONVERSION, CheckResult::Passed(String::new())),
            // One command fixes it, and then everything else can be checked.
            Conversion::Drifted(why) => return self.set(CONVERSION, CheckResult::Drifted(why)),
            Conversion::Impossible(why) => return self.set(CONVERSION, CheckResult::Refused(why)),
        }
        if self.bumps.is_empty() {
            return;
        }
        let question = self.question;
        let previous = question.previous;
        let old_builder = self.resolver.builder(question.old);
        let quiet = Unwarned(self.tools.reporter);
        let old = self
            .resolver
            .resolve(question.old, previous, &old_builder, &quiet);
        let old = match old {
            Ok(lock) => {
                self.set(OLD, CheckResult::Passed(String::new()));
                Ok(lock)
            }
            Err(failed) => match self.lookup.believed(failed, previous, true) {
                failed @ Failed {
                    trouble: ErrorClass::Refused { .. },
                    ..
                } => {
                    let text = format!(
                        "they do not resolve, so everything counts as changed:\n{}",
                        failed.trouble.text()
                    );
                    self.set(OLD, CheckResult::Skipped(text));
                    Err(failed)
                }
                failed => return self.set(OLD, failed.trouble.result()),
            },
        };
        let known = old.as_ref().ok().or(previous);
        let mut looked_up = BTreeSet::new();
        let pins = self.lookup.pins(known, &mut looked_up);
        if let CheckResult::NotJudged(_) = pins {
            return self.set(PINS, pins);
        }
        let builder = self.resolver.builder(question.constraints());
        let reporter = self.tools.reporter;
        let new = self
            .resolver
            .resolve(question.constraints(), known, &builder, reporter);
        match new {
            Err(failed) => {
                self.set(PINS, pins);
                self.unresolved(old, failed);
            }
            Ok(new) => {
                self.set(NEW, CheckResult::Passed(String::new()));
                let more = self.lookup.pins(Some(&new), &mut looked_up);
                self.set(PINS, worse(pins, more));
                let old_request = self.resolver.request(question.old);
                let old = old.as_ref().ok().map(|lock| Side {
                    lock,
                    request: &old_request,
                    builder: &old_builder,
                });
                let new = Side {
                    lock: &new,
                    request: question.request,
                    builder: &builder,
                };
                self.images(old, new);
                self.verdicts_of_images();
            }
        }
        self.verdicts_of_pins();
    }

    /// The new set has no answer: who is to blame, if it can be believed at all.
    fn unresolved(&mut self, old: Result<Lock, Failed>, failed: Failed) {
        let known = old.as_ref().ok().or(self.question.previous);
        let failed = self.lookup.believed(failed, known, false);
        if let ErrorClass::NotJudged(_) = failed.trouble {
            return self.set(NEW, failed.trouble.result());
        }
        let old = match old {
            Ok(old) => old,
            Err(before) => {
                let text = failed.trouble.text();
                // What is built needs more than the constraints, and it failed before.
                let result = match failed.of_build && before.of_build {
                    true => CheckResult::NotJudged(text.to_owned()),
                    false => CheckResult::Refused(format!(
                        "neither they nor the old ones resolve, so no bump is to blame:\n{text}"
                    )),
                };
                return self.set(NEW, result);
            }
        };
        self.reach_in(&old);
        let case = Case {
            resolver: &self.resolver,
            bumps: self.bumps,
            old: &old,
            failed: &failed,
        };
        let found = case.solve();
        let text = self.refusal(&found, failed.trouble.text());
        self.set(NEW, CheckResult::Refused(text));
        for &n in &found.accepted {
            self.verdicts[n] = BumpVerdict::Resolves;
        }
        for blamed in &found.blamed {
            self.verdicts[blamed.bump] = BumpVerdict::Refused;
        }
        self.blamed = found.blamed;
    }

    fn refusal(&self, found: &Found, text: &str) -> String {
        let named = |set: &[usize]| {
            let names = set.iter().map(|&n| self.bumps[n].to_string());
            names.collect::<Vec<_>>().join(", ")
        };
        let mut lines = Vec::new();
        for blamed in &found.blamed {
            let bump = &self.bumps[blamed.bump];
            let bound = bump.new.as_ref().or(bump.old.as_ref());
            let place = bound.map_or_else(String::new, |bound| {
                format!(", {}:{}", bound.file.display(), bound.line)
            });
            lines.push(match blamed.with.as_slice() {
                [] => format!("{bump}{place}, is refused:"),
                with => format!("{bump}{place}, is refused together with {}:", named(with)),
            });
            lines.push(blamed.chain.clone());
            lines.push(blamed.companions.shown());
        }
        if let Some(why) = &found.stopped {
            lines.push(format!(
                "the search for the bump to blame ended early: {why}"
            ));
            lines.push(text.to_owned());
        }
        lines.join("\n")
    }

    /// What bumps reach, as far as a lock alone tells.
    fn reach_in(&mut self, lock: &Lock) {
        for image in self.question.images {
            if let Ok(change) = image_change(None, lock, image) {
                self.reach_image(image, &change, None);
            }
        }
    }

    fn reach_image(&mut self, image: &ImageName, change: &ImageChange, needs: Option<&Needs>) {
        for (n, bump) in self.bumps.iter().enumerate() {
            if !change.packages.contains(&bump.name) && !change.removed.contains(&bump.name) {
                continue;
            }
            let packages = needs.map(|needs| needs.reach(&BTreeSet::from([bump.name.clone()])));
            self.reach[n].insert(image.clone(), packages.unwrap_or_default());
        }
    }

    fn images(&mut self, old: Option<Side<'_>>, new: Side<'_>) {
        let question = self.question;
        for image in &question.request.images {
            if !question.images.contains(&image.name) {
                continue;
            }
            let change = match image_change(old.map(|side| side.lock), new.lock, &image.name) {
                Ok(change) => change,
                Err(error) => {
                    let result = CheckResult::Refused(told(&error));
                    self.checks
                        .push(Check::of_image(&image.name, "selection", result));
                    continue;
                }
            };
            if !change.is_affected() {
                let text = "not affected: its packages stay the same".to_owned();
                self.reach_image(&image.name, &change, None);
                let result = CheckResult::Skipped(text);
                self.checks
                    .push(Check::of_image(&image.name, "tarball", result));
                continue;
            }
            let affected = Affected {
                question,
                tools: self.tools,
                image,
                change: &change,
                new,
                old,
            };
            let tried = affected.attempt();
            self.reach_image(&image.name, &change, tried.needs.as_ref());
            self.checks.extend(tried.checks);
        }
    }

    /// A bump is refused when something fails that needs it; what is about the whole image may be any of them.
    fn verdicts_of_images(&mut self) {
        for (n, reach) in self.reach.iter().enumerate() {
            let mut verdict = BumpVerdict::Passed;
            for check in &self.checks {
                let Some(packages) = check.image.as_ref().and_then(|image| reach.get(image)) else {
                    continue;
                };
                let needs_it = check.package.as_ref().map(|name| packages.contains(name));
                verdict = verdict.max(match (&check.result, needs_it) {
                    (_, Some(false)) => BumpVerdict::Passed,
                    (CheckResult::Refused(_), Some(true)) => BumpVerdict::Refused,
                    (CheckResult::Refused(_), None) => BumpVerdict::Suspected,
                    (CheckResult::NotJudged(_), _) => BumpVerdict::NotJudged,
                    _ => BumpVerdict::Passed,
                });
            }
            // Only one can be meant.
            if verdict == BumpVerdict::Suspected && self.bumps.len() == 1 {
                verdict = BumpVerdict::Refused;
            }
            self.verdicts[n] = verdict;
        }
    }

    fn verdicts_of_pins(&mut self) {
        let pins = self.checks.iter().find(|check| check.name == PINS);
        let Some(CheckResult::Refused(text)) = pins.map(|check| &check.result) else {
            return;
        };
        let yanked = |bump: &Bump| {
            let version = bump
                .new
                .as_ref()
                .and_then(|bound| Some((bound.version.as_ref()?, bound)));
            version.is_some_and(|(version, bound)| {
                let start = format!(
                    "{} {version} ({}:{})",
                    bump.name,
                    bound.file.display(),
                    bound.line
                );
                text.lines().any(|line| line.starts_with(&start))
            })
        };
        let named: Set = (0..self.bumps.len())
            .filter(|&n| yanked(&self.bumps[n]))
            .collect();
        for n in named {
            self.verdicts[n] = BumpVerdict::Refused;
        }
    }

    fn report(self) -> Report {
        let bumps = self.bumps.iter().zip(&self.verdicts).zip(&self.reach);
        let bumps = bumps.map(|((bump, verdict), reach)| JudgedBump {
            bump: bump.clone(),
            reach: Reach {
                images: reach.keys().cloned().collect(),
                packages: reach.values().flatten().cloned().collect(),
            },
            verdict: *verdict,
        });
        Report {
            outcome: Outcome::of(&self.checks),
            base: self.question.base.to_owned(),
            constraints: self.question.file().to_owned(),
            bumps: bumps.collect(),
            blame: self.blamed,
            resolutions: self.resolver.count(),
            checks: self.checks,
        }
    }
}
