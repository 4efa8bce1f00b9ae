//! `--junit`: the outcome as GitLab's merge requests show it. One case says whether what was asked for was prepared; each image is
//! a case too.
//!
//! Refuses to hide a fallback among passed tests: it is a failed one, although the job succeeds.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::exit::Exit;
use crate::report::{Failure, render};
use pannier_base::problem::Problem;
use pannier_base::secret::scrub;
use pannier_base::visible;
use pannier_core::session::{PrepareReport, RequestError};

/// Name of the suite and class of its cases.
const SUITE: &str = "pannier prepare";
/// The case that a fallback fails.
const CASE: &str = "the request can be prepared";

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the JUnit report {}", path.display())]
#[diagnostic(help("set a file that this user may write with --junit"))]
struct Unwritten {
    path: std::path::PathBuf,
    source: std::io::Error,
}

/// Writes the report of a run.
pub(super) fn write(
    path: &Path,
    done: Result<&PrepareReport, &RequestError>,
) -> Result<(), Failure> {
    let text = report(done).to_string().map_err(std::io::Error::other);
    let written = text.and_then(|text| {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        pannier_archive::atomic::write(path, (text + "\n").as_bytes(), None)
    });
    written.map_err(|source| {
        let path = path.to_owned();
        Failure::new(Exit::Failed, Unwritten { path, source })
    })
}

fn report(done: Result<&PrepareReport, &RequestError>) -> Report {
    let mut suite = TestSuite::new(SUITE);
    let case = |name: &str, status| {
        let mut case = TestCase::new(name, status);
        case.set_classname(SUITE);
        case
    };
    match done {
        Ok(done) => {
            let status = match &done.fallback {
                None => TestCaseStatus::success(),
                Some(instead) => failure(
                    "fallback",
                    &instead.to_string(),
                    &instead.changed.join("\n"),
                ),
            };
            suite.add_test_case(case(CASE, status));
            for image in &done.images {
                let mut one = case(&format!("image {}", image.image), TestCaseStatus::success());
                one.set_time(Duration::try_from_secs_f64(image.seconds).unwrap_or_default());
                suite.add_test_case(one);
            }
        }
        Err(error) => {
            let problem = Problem::of(error);
            let text = anstream::adapter::strip_str(&render(&problem)).to_string();
            suite.add_test_case(case(CASE, failure("failed", &problem.message, &text)));
        }
    }
    let mut report = Report::new("pannier");
    report.add_test_suite(suite);
    report
}

fn failure(kind: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind);
    status.set_message(&*visible::lines(&scrub(message)));
    status.set_description(&*visible::lines(&scrub(text)));
    status
}
