//! The report as Markdown, short enough to be read in a merge request.

use std::fmt::Write as _;

use pannier_base::secret::scrub_values;

use super::report::{Check, CheckResult, Outcome, Report};
use pannier_base::visible;

/// Lines of one explanation that are shown; the rest is in the job's log.
const LINES: usize = 12;

/// Entries of one section that are shown.
const ENTRIES: usize = 20;

/// The report.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = format!("## Constraints gate: {}\n\n", report.outcome.shown());
    let _ = writeln!(text, "{}", cell(&summary(report)));
    if !report.bumps.is_empty() {
        text += "\n| bump | change | level | reach | result |\n|---|---|---|---|---|\n";
        for one in &report.bumps {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                code(one.bump.name.as_str()),
                code(&one.change()),
                one.level(),
                cell(&one.reach.shown()),
                match one.verdict {
                    super::report::BumpVerdict::Refused => "**refused**",
                    verdict => verdict.shown(),
                }
            );
        }
    }
    for blamed in &report.blame {
        let bump = &report.bumps[blamed.bump];
        let _ = write!(
            text,
            "\n### {} {} is refused\n\n{}",
            code(bump.bump.name.as_str()),
            code(&bump.change()),
            cell(&bump.place())
        );
        let with = blamed.with.iter().map(|&other| &report.bumps[other]);
        let with: Vec<_> = with
            .map(|other| {
                format!(
                    "{} {}",
                    code(other.bump.name.as_str()),
                    code(&other.change())
                )
            })
            .collect();
        if !with.is_empty() {
            let _ = write!(text, ", together with {}", with.join(", "));
        }
        let _ = writeln!(
            text,
            "\n\n{}\n{}",
            fenced(&blamed.chain),
            cell(&blamed.companions.shown())
        );
    }
    section(&mut text, report, "Drifted", |result| {
        matches!(result, CheckResult::Drifted(_))
    });
    section(&mut text, report, "Refused", |result| {
        matches!(result, CheckResult::Refused(_))
    });
    section(&mut text, report, "Undecided", |result| {
        matches!(result, CheckResult::NotJudged(_))
    });
    section(&mut text, report, "Skipped", |result| {
        matches!(result, CheckResult::Skipped(_))
    });
    text
}

/// One line: how much of what.
#[must_use]
pub fn summary(report: &Report) -> String {
    let base = visible::line(&report.base);
    let bumps = match report.bumps.len() {
        0 => format!("No bound changed against {base}"),
        1 => format!("1 bump against {base}"),
        many => format!("{many} bumps against {base}"),
    };
    let count = |wanted: fn(&CheckResult) -> bool| {
        let checks = report.checks.iter();
        checks.filter(|check| wanted(&check.result)).count()
    };
    let passed = count(|result| matches!(result, CheckResult::Passed(_)));
    let skipped = count(|result| matches!(result, CheckResult::Skipped(_)));
    let resolutions = match report.resolutions {
        1 => "1 resolution".to_owned(),
        many => format!("{many} resolutions"),
    };
    let mut checks = format!("{passed} of {} checks passed", report.checks.len());
    if skipped > 0 {
        let _ = write!(checks, ", {skipped} skipped");
    }
    match (report.bumps.is_empty(), report.outcome) {
        (true, Outcome::Passed) => format!("{bumps}: there is nothing to test."),
        _ => format!("{bumps}, {checks}, {resolutions}."),
    }
}

fn section(text: &mut String, report: &Report, title: &str, wanted: fn(&CheckResult) -> bool) {
    let of_kind: Vec<&Check> = report
        .checks
        .iter()
        .filter(|check| wanted(&check.result))
        // Blame has said it already.
        .filter(|check| report.blame.is_empty() || check.name != super::judge::NEW)
        .collect();
    if of_kind.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### {title}\n");
    for check in of_kind.iter().take(ENTRIES) {
        let place = check
            .image
            .as_ref()
            .map_or_else(String::new, |image| format!("{image}: "));
        let said = check.result.text().trim_end();
        let _ = match said.contains('\n') {
            false => writeln!(text, "- {place}{}: {}", cell(&check.name), cell(said)),
            true => writeln!(text, "- {place}{}\n\n{}", cell(&check.name), fenced(said)),
        };
    }
    if of_kind.len() > ENTRIES {
        let _ = writeln!(text, "- and {} more", of_kind.len() - ENTRIES);
    }
}

/// A block of what others said; nothing in it is Markdown.
fn fenced(said: &str) -> String {
    let said = visible::lines(said);
    let lines: Vec<&str> = said.trim_end().lines().collect();
    let mut shown = lines
        .iter()
        .take(LINES)
        .copied()
        .collect::<Vec<_>>()
        .join("\n");
    if lines.len() > LINES {
        let _ = write!(shown, "\n… ({} more lines in the log)", lines.len() - LINES);
    }
    let mut fence = "```".to_owned();
    while shown.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}text\n{shown}\n{fence}\n")
}

/// A text as code, in a table.
fn code(text: &str) -> String {
    // A secret with a backtick in it is not found afterwards.
    let text = scrub_values(text);
    let text = visible::line(&text);
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

/// A text of one line, harmless in a table and elsewhere: no markup, no HTML, and none of GitLab's references
/// (<https://docs.gitlab.com/user/markdown/#gitlab-specific-references>).
fn cell(text: &str) -> String {
    // A secret with markup in it is not found afterwards.
    let text = scrub_values(text).replace('\n', " ");
    let mut shown = String::new();
    for c in visible::line(&text).chars() {
        if matches!(
            c,
            '|' | '<'
                | '>'
                | '*'
                | '_'
                | '['
                | ']'
                | '\\'
                | '@'
                | '#'
                | '`'
                | '!'
                | '~'
                | '$'
                | '&'
                | '%'
                | '^'
        ) {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_no_markup() {
        let evil = "a|b [x](https://evil.example) <img src=x> **b** `c` @all !1 &lt;\u{202e}\u{1b}[31m\n/merge";
        assert_eq!(
            cell(evil),
            r"a\|b \[x\](https://evil.example) \<img src=x\> \*\*b\*\* \`c\` \@all \!1 \&lt;\\u{202e}\\u{1b}\[31m /merge"
        );
        assert_eq!(
            code(evil),
            r"`a\|b [x](https://evil.example) <img src=x> **b** 'c' @all !1 &lt;\u{202e}\u{1b}[31m\n/merge`"
        );
        assert_eq!(
            fenced("```\n[x](y)\n\u{1b}[31mred\u{1b}[0m\u{202e}"),
            "````text\n```\n[x](y)\nred\\u{202e}\n````\n"
        );
    }

    #[test]
    fn a_secret_is_hidden_before_its_signs_are_replaced() {
        pannier_base::secret::know("of`the|markdown tests");
        assert_eq!(code("==1+of`the|markdown tests"), "`==1+****`");
        assert_eq!(cell("see of`the|markdown tests"), r"see \*\*\*\*");
    }
}
