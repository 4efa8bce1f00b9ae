//! The report as JUnit, which GitLab shows in a merge request: one suite for the set as a whole, one per image.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::report::{Check, CheckResult, Report};
use pannier_base::visible;

/// The XML. Holds no times: the same finding is the same file.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut suites: BTreeMap<String, Vec<&Check>> = BTreeMap::new();
    let mut of_set = Vec::new();
    for check in &report.checks {
        match &check.image {
            None => of_set.push(check),
            Some(image) => suites.entry(image.to_string()).or_default().push(check),
        }
    }
    let mut junit = Junit::new("pannier gate");
    junit.add_test_suite(suite("constraints", &of_set, report));
    for (image, checks) in suites {
        junit.add_test_suite(suite(&image, &checks, report));
    }
    let text = junit.to_string();
    text.expect("writing to memory does not fail")
}

fn suite(name: &str, checks: &[&Check], report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(name);
    for check in checks {
        let mut case = TestCase::new(&*visible::line(&check.name), status(&check.result));
        case.set_classname(name);
        let file = report.constraints.display().to_string();
        case.extra.insert("file".into(), file.into());
        if let CheckResult::Passed(text) = &check.result
            && !text.is_empty()
        {
            case.set_system_out(&*visible::lines(text));
        }
        suite.add_test_case(case);
    }
    suite
}

fn status(result: &CheckResult) -> TestCaseStatus {
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let failed = |kind, what: &str, text: &str| {
        let text = &*visible::lines(text);
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(what).set_message(first(text));
        status.set_description(text);
        status
    };
    match result {
        CheckResult::Passed(_) => TestCaseStatus::success(),
        CheckResult::Skipped(text) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(first(&visible::lines(text)));
            status
        }
        CheckResult::Drifted(text) => failed(NonSuccessKind::Failure, "drift", text),
        CheckResult::Refused(text) => failed(NonSuccessKind::Failure, "refused", text),
        CheckResult::NotJudged(text) => failed(NonSuccessKind::Error, "undecided", text),
    }
}
