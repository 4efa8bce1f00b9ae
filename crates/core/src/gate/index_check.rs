//! Checks against the index: pins that are yanked, and whether a refusal that depends on its answers is reliable.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::error_class::{ErrorClass, told};
use super::report::CheckResult;
use super::resolving::{Failed, mentions};
use super::yanked::{self, PinState};
use super::{Question, Tools};
use crate::constraints::{Bump, ConstraintLine};
use crate::lock::model::Lock;
use crate::lock::model::LockedSource;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;
use pannier_clients::uv;

/// Asks the indexes.
pub(super) struct IndexCheck<'a> {
    pub question: &'a Question<'a>,
    pub tools: &'a Tools<'a>,
    pub bumps: &'a [Bump],
    /// uv's own index, once it was asked for it.
    pub default: OnceLock<Option<SafeUrl>>,
}

impl IndexCheck<'_> {
    /// Takes a refusal back that rests on the word of an index which is not to be believed: one that does not answer for what it
    /// is said not to have, or that has no longer what the lock, or (`old`) what a set that was good once needs.
    pub(super) fn believed(&self, failed: Failed, known: Option<&Lock>, old: bool) -> Failed {
        let ErrorClass::Refused { missing, text } = &failed.trouble else {
            return failed;
        };
        if self.question.offline {
            return failed;
        }
        let locked = self.locked(known);
        let mut named = self.names(known);
        named.extend(self.question.constraints().iter().map(ConstraintLine::name));
        named.extend(self.question.old.iter().map(ConstraintLine::name));
        let images = self.question.request.images.iter();
        let requirements = images.flat_map(|image| &image.requirements);
        named.extend(requirements.filter_map(|one| one.name.to_string().parse().ok()));
        named.retain(|name| {
            mentions(text, name) || missing.iter().any(|other| other == name.as_str())
        });
        let indexes = self.indexes();
        let liar = named
            .iter()
            .find_map(|name| match self.has(name, &indexes) {
                Ok(false) if old || locked.contains(name) => Some(format!(
                    "the index no longer has `{name}`: check that it is the right index\n{text}"
                )),
                Ok(_) => None,
                Err(why) => Some(why),
            });
        match liar {
            None => failed,
            Some(why) => Failed {
                trouble: ErrorClass::NotJudged(why),
                ..failed
            },
        }
    }

    /// Whether any index has the project; where none is known, nobody says that it has not.
    fn has(&self, name: &PackageName, indexes: &[SafeUrl]) -> Result<bool, String> {
        for index in indexes {
            let page = uv::listing(self.tools.client, index, name).map_err(|why| told(&why))?;
            if page.is_some() {
                return Ok(true);
            }
        }
        Ok(indexes.is_empty())
    }

    fn locked(&self, known: Option<&Lock>) -> BTreeSet<PackageName> {
        let locked = known.iter().flat_map(|lock| &lock.packages);
        locked
            .filter(|package| matches!(package.source, LockedSource::Index { .. }))
            .map(|package| package.name.clone())
            .collect()
    }

    /// Packages that come from an index, as far as they are known.
    fn names(&self, known: Option<&Lock>) -> BTreeSet<PackageName> {
        let mut names = self.locked(known);
        names.extend(self.bumps.iter().map(|bump| bump.name.clone()));
        names
    }

    /// The indexes in the order in which they are asked; where none is configured as the last one, uv knows its own.
    fn indexes(&self) -> Vec<SafeUrl> {
        let configured = &self.question.request.index;
        let mut indexes: Vec<SafeUrl> = configured.iter().cloned().collect();
        if configured.url.is_none() {
            indexes.extend(self.default.get_or_init(|| self.ask_uv()).clone());
        }
        indexes
    }

    fn ask_uv(&self) -> Option<SafeUrl> {
        let uv = (self.tools.uv)().ok()?;
        let folder = self.tools.store.work_dir().ok()?;
        uv.default_index(folder.path(), self.tools.around).ok()?
    }

    /// Whether pins of packages that `lock` holds or that a bump is about are yanked. `looked_up` are those that were looked at
    /// before.
    pub(super) fn pins(
        &self,
        lock: Option<&Lock>,
        looked_up: &mut BTreeSet<PackageName>,
    ) -> CheckResult {
        if self.question.offline {
            return CheckResult::Skipped("the network is disabled (--offline)".to_owned());
        }
        let mut names = self.names(lock);
        names.retain(|name| !looked_up.contains(name));
        let indexes = self.indexes();
        if indexes.is_empty() {
            return CheckResult::Skipped("no index is configured".to_owned());
        }
        let lines: Vec<&ConstraintLine> = self
            .question
            .constraints()
            .iter()
            .filter(|line| line.pin().is_some() && names.contains(&line.name()))
            .collect();
        looked_up.extend(names);
        let look = |line: &&ConstraintLine| self.pin(line, &indexes);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.question.jobs.max(1))
            .build();
        let found: Vec<_> = match pool {
            Ok(pool) => pool.install(|| lines.par_iter().map(look).collect()),
            Err(_) => lines.iter().map(look).collect(),
        };
        let mut yanked = Vec::new();
        for one in found {
            match one {
                Ok(None) => {}
                Ok(Some(text)) => yanked.push(text),
                Err(why) => return CheckResult::NotJudged(why),
            }
        }
        match yanked.is_empty() {
            true => CheckResult::Passed(String::new()),
            false => CheckResult::Refused(yanked.join("\n")),
        }
    }

    /// What is wrong with one pin, if anything.
    fn pin(&self, line: &ConstraintLine, indexes: &[SafeUrl]) -> Result<Option<String>, String> {
        let (name, Some(version)) = (line.name(), line.pin()) else {
            return Ok(None);
        };
        for index in indexes {
            let files = uv::listing(self.tools.client, index, &name).map_err(|why| told(&why))?;
            match files.map(|files| yanked::state(&files, &name, version)) {
                None | Some(PinState::Unlisted) => {}
                Some(PinState::Listed) => return Ok(None),
                Some(PinState::Yanked(reason)) => {
                    let reason = match reason.trim() {
                        "" => "without a reason".to_owned(),
                        reason => pannier_base::secret::scrub(&reason.replace('\n', " ")),
                    };
                    let place = format!("{}:{}", line.file.display(), line.line);
                    return Ok(Some(format!(
                        "{name} {version} ({place}) is yanked: {reason}"
                    )));
                }
            }
        }
        Ok(None)
    }
}

/// Two findings about pins as one.
pub(super) fn worse(one: CheckResult, other: CheckResult) -> CheckResult {
    match (one, other) {
        (CheckResult::Refused(one), CheckResult::Refused(other)) => {
            CheckResult::Refused(format!("{one}\n{other}"))
        }
        (refused @ CheckResult::Refused(_), _) | (_, refused @ CheckResult::Refused(_)) => refused,
        (open @ CheckResult::NotJudged(_), _) | (_, open @ CheckResult::NotJudged(_)) => open,
        (one, CheckResult::Passed(_)) => one,
        (CheckResult::Passed(_) | CheckResult::Skipped(_), other)
        | (CheckResult::Drifted(_), other) => other,
    }
}
