//! Deployments: plan, show the plan, push, record.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::Session;
use super::deploy_report::DeployReport;
use super::log::ReleaseLog;
use crate::audit::{FileSink, Sink};
use crate::deploy::{
    self, ApplyOptions, DeployError, DeployTarget, Outcome, Plan, Report, Rules, Services,
};
use crate::release::{ReleaseError, Stamp, WriteOutcome};

/// What to deploy.
pub struct DeployOptions<'a> {
    /// The projects and their commits.
    pub targets: Vec<DeployTarget>,
    /// What holds for all of them.
    pub rules: Rules,
    /// How it is run.
    pub run: PushOptions<'a>,
}

/// How branches are moved, by a deployment or a rollback.
#[derive(Clone)]
pub struct PushOptions<'a> {
    /// Stop at the plan, and write nothing.
    pub dry_run: bool,
    /// Why; goes into the release log and the audit log.
    pub reason: Option<String>,
    /// A file to which audit records of pushes are appended. It is opened before anything is pushed.
    pub audit_file: Option<PathBuf>,
    /// Is called once with the plan, before anything is pushed. After [`ControlFlow::Break`] nothing is pushed.
    pub on_plan: &'a dyn Fn(&DeployReport) -> ControlFlow<()>,
}

/// What a run records after every branch was moved.
pub(super) type Afterwards<'a> = &'a dyn Fn(&ReleaseLog<'_>) -> Result<WriteOutcome, ReleaseError>;

/// What deployments and rollbacks have in common.
pub(super) struct Deployment<'a> {
    pub targets: &'a [DeployTarget],
    pub rules: &'a Rules,
    pub stamp: &'a Stamp,
    pub options: &'a PushOptions<'a>,
    pub afterwards: Option<Afterwards<'a>>,
}

impl Session<'_> {
    /// Moves production branches to commits: all of them, or none if one fails. A deployment that is refused or does not
    /// succeed returns its report with the failure in it.
    ///
    /// # Errors
    /// [`DeployError`] when there is no plan to report on; no branch was moved.
    pub fn deploy(&self, options: &DeployOptions<'_>) -> Result<DeployReport, DeployError> {
        let stamp = self.run.stamp(options.run.reason.as_deref());
        self.carry_out(&Deployment {
            targets: &options.targets,
            rules: &options.rules,
            stamp: &stamp,
            options: &options.run,
            afterwards: None,
        })
    }

    pub(super) fn carry_out(
        &self,
        deployment: &Deployment<'_>,
    ) -> Result<DeployReport, DeployError> {
        let (options, stamp) = (deployment.options, deployment.stamp);
        // What cannot be written down is not done.
        let file = self.audit_file(options)?;
        let log = self.release_log().ok();
        let checked = log.and_then(|log| log.for_deployment(options.dry_run, stamp));
        let services = Services {
            git: &self.git,
            gitlab: self.gitlab(),
            log: checked.as_ref().map(|checked| &checked.log),
            credentials: &self.setup.logins,
        };
        let plan = deploy::plan(&services, deployment.targets, deployment.rules)?;
        let check = checked.as_ref().map(|checked| checked.check.clone());
        let mut report = DeployReport::of_plan(&plan, check.unwrap_or_default());
        let shown = (options.on_plan)(&report);
        for note in plan.notes() {
            self.reporter().warn(note, None);
        }
        if report.failure.is_some() || options.dry_run || shown.is_break() {
            return Ok(report);
        }
        // From here on the run ends early, but not without a record.
        let _protected = self.run.cancel.protect()?;
        self.announce(log, &plan, stamp)?;
        let sink = file.as_ref().map(|file| file as &dyn Sink);
        let audit = self.audit.clone().with(sink);
        let applied = deploy::apply(
            &services,
            &plan,
            &ApplyOptions {
                stamp,
                now: &self.run.now,
                audit: &|record| audit.write(record),
                environment: &deployment.rules.environment,
                cancel: &self.run.cancel,
            },
        )?;
        report.add(&applied);
        let stopped = applied
            .ends
            .iter()
            .any(|end| end.outcome == Outcome::Untouched);
        let succeeded = report.failure.is_none() && !stopped;
        match record(log, &applied, deployment, succeeded) {
            Ok(release) => report.release = release,
            Err(source) => {
                let unrecorded = DeployError::Unrecorded { source };
                report.failure.get_or_insert(unrecorded);
            }
        }
        Ok(report)
    }

    fn audit_file(&self, options: &PushOptions<'_>) -> Result<Option<FileSink>, DeployError> {
        let path = options.audit_file.as_ref().filter(|_| !options.dry_run);
        let open = |path: &PathBuf| {
            FileSink::open(path).map_err(|source| DeployError::Audit {
                path: path.clone(),
                source,
            })
        };
        path.map(open).transpose()
    }

    /// Records what is about to be pushed. If that fails, the next writer finds what was pushed.
    ///
    /// # Errors
    /// When the entry would contain a secret: no later one could be written either.
    fn announce(
        &self,
        log: Option<ReleaseLog<'_>>,
        plan: &Plan,
        stamp: &Stamp,
    ) -> Result<(), ReleaseError> {
        let Some(log) = log else {
            return Ok(());
        };
        match deploy::announce(&log.storage(), plan, stamp, (self.run.now)()) {
            Err(error @ ReleaseError::Exposed(_)) => Err(error),
            Err(error) => {
                log.warn("could not record this plan", &error);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

/// Records what came of a deployment, and what follows a successful one.
fn record(
    log: Option<ReleaseLog<'_>>,
    applied: &Report,
    deployment: &Deployment<'_>,
    succeeded: bool,
) -> Result<Option<WriteOutcome>, ReleaseError> {
    let Some(log) = log else {
        return Ok(None);
    };
    deploy::record(&log.storage(), applied, deployment.stamp)?;
    let afterwards = deployment.afterwards.filter(|_| succeeded);
    afterwards.map(|afterwards| afterwards(&log)).transpose()
}
