//! Asks uv about sets of constraints, counts, and finds who is to blame when the new set has no answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::blame::{self, Set, Stop, Verdict};
use super::error_class::ErrorClass;
use super::report::{Blamed, Companion, Companions};
use super::{Question, Tools};
use crate::constraints::{Bump, ConstraintLine, build_constraints, with_bumps};
use crate::lock::model::Lock;
use crate::request::ConstraintsText;
use crate::request::Request;
use crate::resolve;
use crate::resolve::Doors;
use crate::resolve::ResolveError;
use crate::resolve::Upgrade;
use crate::resolve::Wanted;
use crate::wheel_build::{Builder, Workshop};
use pannier_base::event::{Event, Reporter, Silent, Stage, StageGuard};
use pannier_base::name::PackageName;

/// Most sets of bumps that are resolved to find those to blame.
const BLAME_LIMIT: usize = 36;

/// Most sets that are resolved to find what would have to come along, for one bump.
const COMPANIONS_LIMIT: usize = 12;

/// Bumps for which that is searched.
const COMPANIONS_OF: usize = 2;

/// Resolves, and counts.
pub(super) struct Resolver<'a> {
    question: &'a Question<'a>,
    tools: &'a Tools<'a>,
    count: AtomicUsize,
}

/// Why a set of constraints has no lock.
pub(super) struct Failed {
    pub trouble: ErrorClass,
    /// Whether it failed at what builds tell, which depends on the constraints for builds.
    pub of_build: bool,
}

/// A refusal as blame remembers it.
#[derive(Clone)]
struct Refusal {
    text: String,
}

impl<'a> Resolver<'a> {
    pub(super) const fn new(question: &'a Question<'a>, tools: &'a Tools<'a>) -> Self {
        Self {
            question,
            tools,
            count: AtomicUsize::new(0),
        }
    }

    /// How many times versions were chosen.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// What builds within these constraints.
    pub(super) fn builder(&self, lines: &[ConstraintLine]) -> Builder<'a> {
        let constraints = build_constraints(lines);
        let workshop = Workshop {
            uv: self.tools.uv,
            around: self.tools.around.clone(),
            pythons: self.tools.pythons,
            constraints: constraints.iter().map(|line| format!("{line}\n")).collect(),
            require_hashes: self.question.request.require_hashes,
            submodules: self.question.request.submodules,
        };
        let tools = self.tools;
        Builder::new(
            tools.store,
            tools.git,
            tools.client,
            workshop,
            tools.reporter,
        )
    }

    /// The lock of these constraints; what `previous` has stays where it can.
    pub(super) fn resolve(
        &self,
        lines: &[ConstraintLine],
        previous: Option<&Lock>,
        builder: &Builder<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Lock, Failed> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let request = self.request(lines);
        let found = (self.tools.uv)().map_err(ResolveError::Uv);
        let locked = found.and_then(|uv| {
            let wanted = Wanted {
                request: &request,
                parts: self.question.parts,
                previous,
                upgrade: &Upgrade::None,
            };
            let sources = Doors {
                git: self.tools.git,
                builder,
            };
            let tools = resolve::Tools {
                sources: &sources,
                uv: &uv,
                around: self.tools.around,
                reporter,
            };
            resolve::resolve(&wanted, tools)
        });
        locked.map_err(|error| Failed {
            of_build: matches!(error, ResolveError::Metadata { .. }),
            trouble: ErrorClass::from(error).readable(&request.images),
        })
    }

    /// The request with other constraints.
    pub(super) fn request(&self, lines: &[ConstraintLine]) -> Request {
        Request {
            constraints: Some(ConstraintsText {
                path: self.question.file().to_owned(),
                lines: lines.to_vec(),
            }),
            ..self.question.request.clone()
        }
    }
}

/// What was found out about a set that does not resolve.
pub(super) struct Found {
    pub blamed: Vec<Blamed>,
    /// Bumps that resolve together.
    pub accepted: Set,
    /// Why it ended early, for people.
    pub stopped: Option<String>,
}

/// A set of bumps that does not resolve although none of them does.
pub(super) struct Case<'a> {
    pub resolver: &'a Resolver<'a>,
    pub bumps: &'a [Bump],
    /// The lock of the old constraints.
    pub old: &'a Lock,
    /// Why all of them together do not.
    pub failed: &'a Failed,
}

impl Case<'_> {
    /// Finds who is to blame, and what would have to come along.
    pub(super) fn solve(&self) -> Found {
        let stage = StageGuard::start(self.resolver.tools.reporter, Stage::Blame, None);
        let first = Refusal {
            text: self.failed.trouble.text().to_owned(),
        };
        let suspects = |refusal: &Refusal| {
            let named = |n: &usize| mentions(&refusal.text, &self.bumps[*n].name);
            (0..self.bumps.len()).filter(named).collect::<Set>()
        };
        let found = blame::blame(self.bumps.len(), &first, suspects, BLAME_LIMIT, |set| {
            stage.step(self.shown(set));
            self.ask(&self.lines(set))
        });
        let mut blamed = Vec::new();
        for culprit in &found.culprits {
            let companions = match blamed.len() < COMPANIONS_OF {
                true => self.companions(&found.accepted, culprit, &stage),
                false => Companions::NotJudged(format!("only {COMPANIONS_OF} bumps were searched")),
            };
            blamed.push(Blamed {
                bump: culprit.change,
                with: culprit.with.iter().copied().collect(),
                chain: culprit.refusal.text.clone(),
                companions,
            });
        }
        Found {
            blamed,
            accepted: found.accepted,
            stopped: found.stopped.map(stopped),
        }
    }

    fn lines(&self, set: &Set) -> Vec<ConstraintLine> {
        let question = self.resolver.question;
        let chosen: Vec<&Bump> = set.iter().map(|&n| &self.bumps[n]).collect();
        with_bumps(question.old, question.constraints(), &chosen)
    }

    fn shown(&self, set: &Set) -> String {
        const FEW: usize = 3;
        match set.len() {
            many if many > FEW => format!("{many} of {} bumps", self.bumps.len()),
            _ => {
                let names = set.iter().map(|&n| self.bumps[n].name.to_string());
                names.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// Resolves; only an answer counts.
    fn ask(&self, lines: &[ConstraintLine]) -> Result<Verdict<Lock, Refusal>, String> {
        // Each set of build constraints rebuilds everything, so that is done only where it matters.
        let builder = match self.failed.of_build {
            true => self.resolver.builder(lines),
            false => self.resolver.builder(self.resolver.question.constraints()),
        };
        let old = Some(self.old);
        match self.resolver.resolve(lines, old, &builder, &Silent) {
            Ok(lock) => Ok(Verdict::Passes(lock)),
            Err(failed) => match failed.trouble {
                ErrorClass::Refused { text, .. } => Ok(Verdict::Refused(Refusal { text })),
                ErrorClass::NotJudged(why) => Err(why),
            },
        }
    }

    /// Which other bounds would have to go for the bump to resolve, and what would be chosen then.
    fn companions(
        &self,
        accepted: &Set,
        culprit: &blame::Culprit<Refusal>,
        stage: &StageGuard<'_>,
    ) -> Companions {
        let mut set = accepted.clone();
        set.insert(culprit.change);
        let lines = self.lines(&set);
        let own = &self.bumps[culprit.change].name;
        let others: Set = (0..lines.len())
            .filter(|&n| lines[n].name() != *own)
            .collect();
        let likely: Set = others
            .iter()
            .copied()
            .filter(|&n| mentions(&culprit.refusal.text, &lines[n].name()))
            .collect();
        let (found, _) = blame::companions(&others, &likely, COMPANIONS_LIMIT, |freed| {
            stage.step(format!("{own} without {} other bounds", freed.len()));
            let kept: Vec<ConstraintLine> = (0..lines.len())
                .filter(|n| !freed.contains(n))
                .map(|n| lines[n].clone())
                .collect();
            self.ask(&kept)
        });
        match found {
            Err(stop) => Companions::NotJudged(stopped(stop)),
            Ok(None) => Companions::NoneHelps,
            Ok(Some(found)) => Companions::Pins(
                found
                    .needed
                    .iter()
                    .map(|&n| companion(&lines[n], &found.passes))
                    .collect(),
            ),
        }
    }
}

fn companion(line: &ConstraintLine, lock: &Lock) -> Companion {
    let name = line.name();
    let versions: BTreeSet<_> = lock
        .packages
        .iter()
        .filter(|package| package.name == name)
        .filter_map(|package| package.version.clone())
        .collect();
    Companion {
        from: line.specifier(),
        to: versions.iter().map(ToString::to_string).collect(),
        place: format!("{}:{}", line.file.display(), line.line),
        name,
    }
}

fn stopped(stop: Stop<String>) -> String {
    match stop {
        Stop::Limit(limit) => format!("it stopped after {limit} resolutions"),
        Stop::Failed(why) => why,
    }
}

/// Whether a text names a package, and not one that is called longer.
pub(super) fn mentions(text: &str, name: &PackageName) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices(name.as_str()).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + found.len()..].chars().next();
        !before.is_some_and(inner) && !behind.is_some_and(|c| inner(c) && c != '.')
    })
}

/// A reporter without warnings: those about the old constraints do not matter.
pub(super) struct Unwarned<'a>(pub &'a dyn Reporter);

impl Reporter for Unwarned<'_> {
    fn report(&self, event: Event) {
        if !matches!(event, Event::Warning { .. }) {
            self.0.report(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_by_its_whole_name() {
        let text = "Because foo-bar>=2 depends on baz, and b==1. And c[x] too.";
        let mentions = |name: &str| mentions(text, &name.parse().unwrap());
        for name in ["foo-bar", "baz", "b", "c"] {
            assert!(mentions(name), "{name}");
        }
        for name in ["foo", "bar", "ba", "too-long"] {
            assert!(!mentions(name), "{name}");
        }
    }
}
