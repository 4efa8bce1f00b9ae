//! Every form of a value, every refusal, and what the policy says; names fold as they should.

use proptest::prelude::*;

use super::*;

fn value(text: &str) -> OverrideValue {
    text.parse()
        .unwrap_or_else(|why: ValueError| panic!("{text}: {why}"))
}

/// What a value is read as, in its one spelling.
#[track_caller]
fn reads(text: &str, as_what: &str) {
    assert_eq!(value(text).to_string(), as_what, "{text}");
    assert_eq!(value(as_what), value(text), "{as_what}");
}

#[track_caller]
fn refuses(text: &str, why: &str) {
    let said = text.parse::<OverrideValue>().expect_err(text).to_string();
    assert!(said.contains(why), "{text}: {said}");
}

#[test]
fn names_fold() {
    for text in ["Job.Tools", "job-tools", "JOB__tools", "job-._tools"] {
        let name: OverrideName = text.parse().unwrap();
        assert_eq!(name.as_str(), "job_tools");
        assert_eq!(name.to_string(), "job-tools");
        assert_eq!(name.variable(), "job_tools_pip_url");
        assert!(name.is("job-tools"));
    }
    assert_eq!(OverrideName::fold("c++").as_str(), "c_");
    let of = |variable: &str| OverrideName::of_variable(variable).map(|name| name.to_string());
    assert_eq!(of("job_tools_pip_url").as_deref(), Some("job-tools"));
    assert_eq!(of("JOB_TOOLS_PIP_URL").as_deref(), Some("job-tools"));
    for other in [
        "_pip_url",
        "pip_url",
        "PIP_INDEX_URL",
        "job_tools_pip_urls",
        "é_pip_ur",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
    for bad in ["", "a b", "numpy>", "a/b", "-x"] {
        assert!(bad.parse::<OverrideName>().is_err(), "{bad}");
    }
}

#[test]
fn git_in_all_forms() {
    let plain = "git+https://h/g/x.git@HEAD";
    reads("git+https://h/g/x.git", plain);
    reads("https://h/g/x.git", plain);
    reads("HTTPS://H/g/x.git", plain);
    reads("git+https://h/g/x", "git+https://h/g/x@HEAD");
    reads("git+https://h:8443/g/x/", "git+https://h:8443/g/x@HEAD");
    reads("https://h/g/x.git@v1.2", "git+https://h/g/x.git@v1.2");
    reads(
        "git+https://h/g/x.git@feature/a#subdirectory=py/lib",
        "git+https://h/g/x.git@feature/a#subdirectory=py/lib",
    );
    reads("git+https://h/g/x@feature/a", "git+https://h/g/x@feature/a");
    reads("git+https://h/g/x#egg=x", "git+https://h/g/x@HEAD");
    reads(
        "git+https://h/g/x.git@refs/merge-requests/5/head",
        "git+https://h/g/x.git@refs/merge-requests/5/head",
    );
    reads(
        "https://h/x.git#subdirectory=",
        "git+https://h/x.git@HEAD#subdirectory=.",
    );
}

#[test]
fn revisions_may_hold_at_signs_and_be_encoded() {
    reads("https://h/x.git@release@2", "git+https://h/x.git@release@2");
    reads("git+https://h/x@a/b@c", "git+https://h/x@a/b@c");
    reads("https://h/@me/x.git@a", "git+https://h/@me/x.git@a");
    reads("git+https://h/@me/x", "git+https://h/@me/x@HEAD");
    reads(
        "https://h/x.git@feature%2Fa%23b",
        "git+https://h/x.git@feature/a%23b",
    );
    reads("https://h/x.git@v1.zip", "git+https://h/x.git@v1.zip");
}

#[test]
fn merge_requests_mean_their_head() {
    let head = "git+https://gitlab.example.com/g/sub/x.git@refs/merge-requests/5/head";
    for text in [
        "https://gitlab.example.com/g/sub/x/-/merge_requests/5",
        "https://gitlab.example.com/g/sub/x/-/merge_requests/5/diffs?diff_id=3#note_17",
        "git+https://gitlab.example.com/g/sub/x/-/merge_requests/5/",
    ] {
        reads(text, head);
    }
    reads(
        "https://h/g/x/-/merge_requests/12#subdirectory=py",
        "git+https://h/g/x.git@refs/merge-requests/12/head#subdirectory=py",
    );
    for bad in ["", "0", "x", "+5", "5x"] {
        refuses(
            &format!("https://h/g/x/-/merge_requests/{bad}"),
            "has no number",
        );
    }
    refuses("https://h/x/-/merge_requests/5", "has no project");
}

#[test]
fn files_and_versions() {
    let digest = "0".repeat(64);
    let wheel = format!("https://h/files/x-1.0-py3-none-any.whl#sha256={digest}");
    reads(&wheel, &wheel);
    reads(
        "https://h/files/x-1.0.tar.gz",
        "https://h/files/x-1.0.tar.gz",
    );
    reads("==1.2.3", "==1.2.3");
    reads(" >=1, <2 ", ">=1, <2");
    refuses("https://h/x.whl", "not that of a wheel");
    refuses("https://h/x-1.0.tar.gz#md5=1", "sha256");
    refuses("https://h/x-1.0.tar.gz?token=1", "query");
    refuses("==one", "looks like a version");
    refuses("1.2.3", "`==1.2.3`");
}

#[test]
fn what_is_dangerous_is_refused() {
    for text in [
        "https://u:p@h/x.git",
        "git+https://token@h/x.git@main",
        "https://h.org@evil.org/x.git",
    ] {
        refuses(text, "user name or password");
    }
    for text in [
        "https://h/me/../you/x.git",
        "https://h/me/%2e%2E/you/x.git",
        "https://h/me/./x.git",
        "https://h//x.git",
        "https://h/g/../x/-/merge_requests/5",
        "https://h/../x-1.0.tar.gz",
    ] {
        refuses(text, "nothing between two");
    }
    refuses("https://h/me%2fyou/x.git", "encoded");
    refuses("https://h/me%5cyou/x.git", "encoded");
    refuses("https://h\\x.git", "`\\`");
    refuses("https://h/x.git@a b", "blank");
    refuses("https://h/x.git@a%20b", "not a branch");
    refuses("https://h/x.git@--upload-pack=x", "not a branch");
    refuses("https://h/x.git@a..b", "not a branch");
    refuses("https://h/x.git@", "not a branch");
    refuses("https://h/x.git?private_token=1", "query");
    refuses("https://h/x.git#subdirectory=../y", "subdirectory");
    refuses("git+ssh://git@h/x.git", "SSH");
    refuses("git@h:x.git", "SSH");
    refuses("git+file:///srv/x.git", "folder or file");
    refuses("./x", "folder or file");
    refuses("ftp://h/x.git", "only https");
    refuses("https:h/x.git", "`//`");
    refuses("https://h/group/x", "git+");
    refuses("https://h", "git+");
    refuses("git+https://h", "has a host");
    refuses("", "only https");
}

fn prefix(text: &str) -> Prefix {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is no prefix"))
}

#[test]
fn prefixes_are_compared_by_whole_components() {
    let covers = |start: &str, url: &str| prefix(start).covers(&url.parse().unwrap());
    assert!(covers("https://h/me", "https://h/me/x.git"));
    assert!(covers("https://h/me/", "https://H:443/me/sub/x.git"));
    assert!(covers("https://h", "https://h/any/x.git"));
    assert!(covers("https://h/me/x", "https://h/me/x.git"));
    assert!(covers("https://h/me/x.git", "https://h/me/x"));
    for (start, url) in [
        ("https://h/me", "https://h/mean/x.git"),
        ("https://h/me", "https://h/you/me/x.git"),
        ("https://h/me", "http://h/me/x.git"),
        ("https://h/me", "https://h:8443/me/x.git"),
        ("https://h/me", "https://h.evil.org/me/x.git"),
        ("https://h", "https://h.evil.org/x.git"),
        ("https://h/me/x.git", "https://h/me/x/evil.git"),
        ("https://h/me/x", "https://h/me"),
        ("https://h/me", "https://h/me/../you/x.git"),
        ("https://h/me", "https://h/me/%2e%2e/you/x.git"),
    ] {
        assert!(!covers(start, url), "{start} {url}");
    }
    for bad in [
        "https://u:p@h/me",
        "https://h/me/..",
        "https://h/%2e%2e",
        "file:///me",
        "https:h",
        "https://h/?x",
        "h/me",
        "",
    ] {
        assert!(bad.parse::<Prefix>().is_err(), "{bad}");
    }
}

#[test]
fn revisions_fit_patterns() {
    let fits =
        |pattern: &str, revision: &str| pattern.parse::<RefPattern>().unwrap().fits(revision);
    assert!(fits(
        "refs/merge-requests/*/head",
        "refs/merge-requests/5/head"
    ));
    assert!(fits("feature/*", "feature/a"));
    assert!(fits("feature/*", "refs/heads/feature/a"));
    assert!(fits("feature/**", "feature/a/b"));
    assert!(fits("**", "0123456789012345678901234567890123456789"));
    assert!(!fits("feature/*", "feature/a/b"));
    assert!(!fits("feature/*", "other"));
    assert!(!fits(
        "refs/merge-requests/*/head",
        "refs/merge-requests/5/merge"
    ));
    assert!("a[".parse::<RefPattern>().is_err());
}

#[test]
fn the_policy_says_what_it_has_against_one() {
    let policy = Policy {
        allow: vec![prefix("https://h/platform")],
        refs: Some(vec!["refs/merge-requests/*/head".parse().unwrap()]),
        deny: vec!["job-deploy".parse().unwrap()],
    };
    let check = |name: &str, text: &str| {
        let checked = policy.check(&name.parse().unwrap(), &value(text));
        checked.map_err(|refusal| refusal.to_string())
    };
    assert_eq!(
        check("x", "https://h/platform/x/-/merge_requests/5"),
        Ok(())
    );
    assert_eq!(check("x", "==1.0"), Ok(()));
    let refused = |name, text| check(name, text).expect_err(text);
    assert!(refused("Job.Deploy", "==1.0").contains("deny"));
    assert!(refused("x", "https://h/me/x/-/merge_requests/5").contains("`https://h/platform`"));
    assert!(
        refused("x", "https://evil.org/x-1.0.tar.gz").contains("https://evil.org/x-1.0.tar.gz")
    );
    assert!(refused("x", "https://h/platform/x.git@main").contains("`main`"));
    let nothing = Policy::default();
    let name = "x".parse().unwrap();
    assert!(nothing.check(&name, &value("https://h/x.git")).is_err());
}

proptest! {
    #[test]
    fn whatever_is_read_is_printed_and_read_as_the_same(
        text in "(git\\+)?https?://[a-z]{1,3}(:8[0-9])?(/[a-z@.%0-9-]{1,6}){1,4}(\\.git)?(@[a-z/@#%?.0-9-]{1,8})?(#subdirectory=[a-z/%0-9.]{0,6})?"
    ) {
        if let Ok(value) = text.parse::<OverrideValue>() {
            let printed = value.to_string();
            prop_assert_eq!(printed.parse::<OverrideValue>(), Ok(value), "{}", printed);
        }
    }

    #[test]
    fn no_text_panics_and_no_error_repeats_it(text in "\\PC{0,40}s3cr3t\\PC{0,40}") {
        if let Err(error) = text.parse::<OverrideValue>() {
            prop_assert!(!error.to_string().contains("s3cr3t"));
        }
    }

    #[test]
    fn folding_is_done_once(text in "\\PC{0,20}") {
        let name = OverrideName::fold(&text);
        prop_assert_eq!(OverrideName::fold(name.as_str()), name);
    }
}
