//! Secrets in every form and text: what is hidden, and what stays.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::shape::{Kind, logins, queries};
use super::worth::is_worth_knowing;
use super::*;

/// One of each kind, and signs that some encoding changes.
const VALUES: [&str; 8] = [
    "glpat-AbCd_1234.xyz",
    "glcbt-64_aaBBccDD",
    "pass/word+with=signs",
    "it's \"quoted\" & <odd>",
    "back\\slash\tand%41percent",
    "grüße-aus-köln",
    "p@ss:w?rd#1;x",
    "eightchr",
];

fn percent(text: &str, every: bool, upper: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let _ = match (plain && !every, upper) {
            (true, _) => write!(encoded, "{}", char::from(byte)),
            (false, true) => write!(encoded, "%{byte:02X}"),
            (false, false) => write!(encoded, "%{byte:02x}"),
        };
    }
    encoded
}

/// Every form of a value that is promised to be found.
fn forms(value: &str) -> Vec<String> {
    let mut url = url::Url::parse("https://h/").unwrap();
    url.set_username("u").unwrap();
    url.set_password(Some(value)).unwrap();
    url.set_path(&format!("/a/{value}"));
    url.query_pairs_mut().append_pair("q", value);
    let json = serde_json::to_string(value).unwrap();
    let debug = format!("{value:?}");
    let xml = value.replace('&', "&amp;").replace('<', "&lt;");
    let xml = xml.replace('>', "&gt;").replace('"', "&quot;");
    let mut forms = vec![
        value.to_owned(),
        value.to_ascii_lowercase(),
        value.to_ascii_uppercase(),
        percent(value, false, true),
        percent(value, false, false),
        percent(value, true, true),
        percent(value, true, false),
        percent(&percent(value, false, true), false, true),
        percent(value, false, true).replace("%20", "+"),
        url.password().unwrap().to_owned(),
        url.query().unwrap()["q=".len()..].to_owned(),
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
        value.chars().fold(String::new(), |text, c| {
            c.encode_utf16(&mut [0; 2])
                .iter()
                .fold(text, |text, unit| text + &format!("\\u{unit:04x}"))
        }),
        debug[1..debug.len() - 1].to_owned(),
        debug[1..debug.len() - 1].replace('\\', "\\\\"),
        xml.clone(),
        xml.replace('\'', "&#39;").replace('&', "&amp;"),
        value.replace(['-', '.'], "_"),
    ];
    for user in [
        "oauth2",
        "gitlab-ci-token",
        "__token__",
        "private-token",
        "job",
        "",
        "alice",
    ] {
        let login = format!("{user}:{value}");
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            forms.extend([engine.encode(&login), engine.encode(value)]);
        }
        forms.push(percent(&STANDARD.encode(&login), false, true));
    }
    forms
}

fn secrets(values: &[&str]) -> Secrets {
    let login = |value: &&str| ("job".to_owned(), (*value).to_owned());
    Secrets::new(values.iter().map(login))
}

#[test]
fn every_form_of_every_value_is_hidden() {
    let all = secrets(&VALUES);
    for value in VALUES {
        for form in forms(value) {
            for text in [
                form.clone(),
                format!("error: `{form}` was refused"),
                format!("{form}{form}"),
                format!("x{form}y\n{form}"),
            ] {
                let shown = all.hide(&text);
                assert!(!shown.contains(&form), "{value}: {form} in {shown}");
                assert!(all.find(&shown).is_empty(), "{value}: {form} in {shown}");
            }
            assert_eq!(
                all.hide(&format!("<{form}>")).matches(HIDDEN).count(),
                1,
                "{form}"
            );
        }
    }
}

#[test]
fn base64_hides_all_that_the_secret_decides() {
    let all = secrets(&["glpat-AbCd_1234.xyz"]);
    for user in ["a", "ab", "abc", "somebody@example.org"] {
        let text = STANDARD.encode(format!("{user}:glpat-AbCd_1234.xyz, and more"));
        let shown = all.hide(&text).into_owned();
        let rest: String = shown.split(HIDDEN).collect();
        assert!(
            shown.contains(HIDDEN) && rest.len() + 24 <= text.len(),
            "{shown}"
        );
    }
}

#[test]
fn overlapping_secrets_leave_no_end() {
    let all = secrets(&["abcdefgh", "abcdefghijkl", "efghijklmnop", "MNOPQRSTU"]);
    assert_eq!(all.hide("<abcdefghijklmnopqrstu>"), "<****>");
    assert_eq!(all.hide("<abcdefghijk>"), "<****ijk>");
    // What is left when the inner one is gone is the outer one.
    assert_eq!(all.hide("efghabcdefghijklmnop"), "efgh****");
    let odd = secrets(&["x****yyy", "insideinside"]);
    assert_eq!(odd.hide("xinsideinsideyyy"), HIDDEN);
}

#[test]
fn a_secret_that_is_cut_does_not_show_its_end() {
    let all = secrets(&["0123456789abcdef"]);
    let text = format!("{}0123456789abcdef tail", "x".repeat(500));
    for keep in 0..40 {
        let shown = all.hide_end(&text, keep);
        let fits = match keep {
            0..=5 => text.ends_with(&shown) && shown.len() == keep,
            6..=21 => shown == " tail",
            _ => shown.ends_with("x**** tail") || shown == "**** tail",
        };
        assert!(fits, "{keep}: {shown}");
    }
}

#[test]
fn short_values_placeholders_and_names_of_variables_are_no_secrets() {
    let all = secrets(&[
        "short",
        "********",
        "[MASKED]",
        "$PANNIER_TOKEN",
        "${TOKEN}",
    ]);
    assert!(
        all.find("short ******** [MASKED] $PANNIER_TOKEN ${TOKEN}")
            .is_empty()
    );
}

#[test]
fn a_key_in_several_lines_is_hidden_line_by_line() {
    let all = secrets(&["-----BEGIN KEY-----\nMIIBVgIBADANBgkq\n-----END KEY-----"]);
    assert_eq!(all.hide("  MIIBVgIBADANBgkq\n"), "  ****\n");
}

#[test]
fn lines_are_held_until_they_are_whole() {
    know("of-the/writer's tests");
    let mut out = Vec::new();
    let mut lines = ScrubbedLines::new(&mut out);
    for part in [
        "a of-the/wri",
        "ter's tests b\nc of-the%2Fwriter's",
        "%20tests",
        "\nof-the/writer's",
    ] {
        lines.write_all(part.as_bytes()).unwrap();
    }
    lines.write_all(b" tests").unwrap();
    lines.finish().unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "a **** b\nc ****\n****");
    let mut out = Vec::new();
    let mut lines = ScrubbedLines::new(&mut out);
    lines.write_all(b"raw \xff bytes").unwrap();
    lines.finish().unwrap();
    assert_eq!(out, b"raw \xff bytes");
}

#[test]
fn what_must_stay_exact_is_refused_by_its_line() {
    know("of-the-check tests");
    assert_eq!(Exposed::check("x.toml", "a\nb = \"https://h/x\"\n"), Ok(()));
    let error =
        Exposed::check("x.toml", "a\nb = \"https://h/of-the-check%20tests/x\"\nc").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.toml would contain a secret in line 2: b = \"https://h/****/x\""
    );
    let error = Exposed::check("x.toml", "b = \"https://h/x?X-Amz-Signature=abc\"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.toml would contain a secret in line 1: b = \"https://h/x?****\""
    );
}

#[test]
fn passwords_are_seen_by_their_shape() {
    for (text, shown) in [
        (
            "fatal: https://u:glpat-1@h/x?y@z and http://a@b@c:1 'https://tok@h'",
            "fatal: https://****@h/x?y@z and http://****@c:1 'https://****@h'",
        ),
        (
            "http://h:80,https://u:pw@h/x",
            "http://h:80,https://****@h/x",
        ),
        ("https://u:a/pw@h/x", "https://****@h/x"),
        ("https:/u:pw@h", "https:/****@h"),
        ("see https://u:pw, or", "see https://u:**** or"),
        ("'https://u:pw'", "'https://u:****'"),
        ("no http//u:pw@h/simple here", "no http//****@h/simple here"),
        ("`u:pw@h/simple` is no URL", "`****@h/simple` is no URL"),
        ("x //u:pw@h y", "x //****@h y"),
        ("u:pw@https://h", "****@https://h"),
        (
            "403 for url (https://s3/x?X-Amz-Date=1&X-Amz-Signature=abc)",
            "403 for url (https://s3/x?****)",
        ),
        (
            "GET https://h/x?a=1&amp;private_token=abc",
            "GET https://h/x?****",
        ),
    ] {
        assert_eq!(redact(text), shown);
        assert_eq!(redact(shown), shown, "a second time");
    }
}

#[test]
fn what_is_no_password_stays() {
    for text in [
        "https://h/x.git@main and https://h:8080/a@b (see https://h:80, http://[::1]/a@b)",
        "fatal: http: no answer from a@b",
        "'https://h': x@y",
        "name @ https://h/x.whl, pkg@v2, a@b, host:8080/a@b, mailto:a@b",
        "git@example.org:group/x.git@v1",
        "python:3.13-slim@sha256:0123456789abcdef",
        "file:///srv/pkg@v1/x",
        "pannier.yml:3:5: `pkg@v2`",
        "https://h/x?service=git-upload-pack&page=2#subdirectory=a",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn names_of_secrets_are_known() {
    for name in [
        "private_token",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "sig",
        "apiKey",
        "accessToken",
        "authtoken",
        "key",
        "CI_JOB_TOKEN",
        "CI_REGISTRY_PASSWORD",
        "CI_JOB_JWT_V2",
        "DB_PASS",
        "--private-token",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(is_credential_name(name), "{name}");
    }
    for name in [
        "page",
        "monkey",
        "CACHE_KEY",
        "token_type",
        "compass",
        "X-Amz-Date",
        "",
        "2",
        "--password-file",
    ] {
        assert!(!is_credential_name(name), "{name}");
    }
}

#[test]
fn the_environment_and_arguments_are_learned_from() {
    let is_ours = |name: &str| name.starts_with("PANNIER_");
    learn_environment(
        [
            ("PANNIER_TOKEN", "learnedtok"),
            ("OTHER_PASSWORD", "postgrespw"),
            ("THIRD_PASSWORD", "learned-3rd"),
            ("HTTP_PROXY", "http://proxy:learned-4th@h:1"),
            ("DATABASE_URL", "postgres://postgres:defaultpw@db"),
            ("PANNIER_GIT_BASE", "https//me:learned%2Ffifth@h"),
            ("SOME_IMAGE", "python:learnedslim@sha256:00"),
            ("PWD", "/builds/learned"),
            ("OLDPWD", "/builds/learned/too"),
            ("CI_JOB_URL", "https://learned-7th:x-oauth-basic@h"),
        ],
        is_ours,
    );
    learn_arguments([
        "--index-url=https://gitlab-ci-token:learned-8th@h",
        "--private-token",
        "learned-9th",
        "--api-key=learned-10th",
        "https://me:learned 11th",
        "--branch",
        "me:learned-12th@h",
        "https://h/?private_token=learned-13th",
    ]);
    let known = known();
    for value in [
        "learnedtok",
        "learned-3rd",
        "learned-4th",
        "learned/fifth",
        "learned-7th",
        "learned-8th",
        "learned-9th",
        "learned-10th",
        "learned 11th",
        "learned-12th",
        "learned-13th",
    ] {
        assert!(known.is_one(value), "{value}");
    }
    for value in [
        "postgrespw",
        "defaultpw",
        "learnedslim",
        "/builds/learned",
        "/builds/learned/too",
        "gitlab-ci-token",
        "x-oauth-basic",
    ] {
        assert!(!known.is_one(value), "{value}");
    }
}

/// A configuration in which colons, `@` and URLs are frequent, and no secret is.
const CONFIG: &str = "\
# Builds: ask the builders-team@example.org, see https://wiki.example.org/x: red, green
packages:
  - job-tools@main
  - group/other-tools@v1.2.3
requirements:
  - requests-like >= 2 # pinned: see group/issues@main
git_base: https://git.example.org:8443
branch: feature-branch
releases:
  repository: team/log@branch-of-log
images:
  name: registry.example.org:5000/image-name@sha256:0123456789abcdef
  other: python:3.13-slim@sha256:0123456789abcdef
index: {url: https://pypi.example.org:8443/simple, extra: [\"https://more.example.org/simple\"]}
# https://h.example.org:8443 is down; mail ops-people@example.org
";

const CONSTRAINTS: &str = "\
# from: builders-team@example.org
some-package==1.2.3
other-package @ https://git.example.org:8443/group/other.git@branch-name
third-package>=1; python_version < \"3.13\" # note: see job-tools@main
";

const REASONS: [&str; 7] = [
    "Revert: broke prod, ask ops@example.org",
    "--reason=Revert: broke production ask ops@example.org",
    "https://ci.example.org:8443 is down since noon",
    "https://ci.example.org:8443: red since noon, ask ops@example.org",
    "https://ci.example.org, ask ops@example.org",
    "https://ci.example.org: refused everything, ask ops@example.org",
    "see https://ci.example.org:no answer at all, ask ops@example.org",
];

#[test]
fn texts_without_secrets_teach_nothing() {
    learn_words(CONFIG);
    learn_text(CONSTRAINTS);
    learn_environment(
        [
            ("PANNIER_CONSTRAINTS_TEXT", CONSTRAINTS),
            ("PANNIER_SOME_TEXT", CONFIG),
        ],
        |_| true,
    );
    learn_arguments(REASONS);
    let known = known();
    for text in [CONFIG, CONSTRAINTS].into_iter().chain(REASONS) {
        assert!(known.find(text).is_empty(), "{}", known.hide(text));
        assert_eq!(Exposed::check("x", text), Ok(()));
    }
    for text in [CONFIG, CONSTRAINTS] {
        assert_eq!(scrub(text), text);
    }
}

#[test]
fn a_configuration_with_a_mistyped_url_teaches_its_password() {
    learn_words(
        "packages: [a@main]\ngit_base: \"https//me:in-the-config-1@h\"\nbranch: 'https://me:in-the-config-2'\n",
    );
    assert!(known().is_one("in-the-config-1"));
    assert!(known().is_one("in-the-config-2"));
    assert!(!known().is_one("[a"));
}

#[test]
fn a_name_is_not_made_of_words_with_blanks() {
    let all = secrets(&["- job-tools"]);
    assert_eq!(all.hide("the job-tools"), "the job-tools");
}

#[test]
fn a_secret_that_is_no_utf8_is_hidden_by_whole_characters() {
    let all = secrets(&["passwort%E4", "%E4passwort"]);
    assert_eq!(all.hide("<passwort\u{4e2d}>"), "<****>");
    assert_eq!(all.hide("<passwort%E4>"), "<****>");
    assert_eq!(
        all.hide("%41 <\u{4e24}passwort\u{4e2d}>"),
        "%41 <\u{4e24}****>"
    );
    know("of-the-utf8-tests%E4");
    let error = Exposed::check("x", "a\n\u{4e2d}of-the-utf8-tests\u{4e2d}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x would contain a secret in line 2: \u{4e2d}****"
    );
}

#[test]
fn escapes_are_undone_in_every_line() {
    let all = secrets(&["pass/word+1", "first line\nsecond line"]);
    let text = "a\n%70ass%2Fword%2B1 b\r\nfirst%20line\nsecond%20line\nfirst+line%0Asecond%20line";
    assert_eq!(all.hide(text), "a\n**** b\r\n****\n****\n****");
}

/// Made to be looked through again from every sign on, which would take hours.
#[test]
fn a_megabyte_of_signs_is_read_once() {
    for part in ["?", "a://", "https://h/?a=b#", "x:y@"] {
        let signs = part.repeat(1_000_000 / part.len());
        let shown = redact(&format!("https://u:in-front@h/{signs}?token=in-behind"));
        assert!(!shown.contains("in-front"), "{part}");
        assert!(!shown.contains("in-behind"), "{part}");
        assert!(logins(&signs, true).len() + queries(&signs).len() <= 1);
    }
}

#[test]
fn no_long_word_takes_more_than_its_length() {
    let all = secrets(&["never-in-such-a-text"]);
    let parts = [
        "#",
        "?a",
        "a://b",
        "a:",
        "http:",
        "http:]",
        "http:1",
        "?a=b&",
        "x:y@ ",
        "//",
        "//x@",
        "@",
        "::",
        "\\",
        "%25",
        "&amp;",
        "a://b:c\"",
        "https://h:x'",
        "1",
    ];
    for part in parts {
        let signs = part.repeat(50_000 / part.len());
        for head in ["", "https://u:in-front@h/x ", "http:a/"] {
            for tail in ["", "]:1", "@h", "?token=in-behind"] {
                let text = format!("{head}{signs}{tail}");
                let shown = redact_input(&redact(&text));
                assert!(!shown.contains("in-front"), "{head}{part}{tail}");
                assert!(!shown.contains("in-behind"), "{head}{part}{tail}");
            }
        }
        assert_eq!(all.hide(&signs), &*signs);
    }
}

#[test]
fn a_log_in_that_is_sure_is_told_from_one_that_may_be_meant() {
    let kinds = |text| {
        logins(text, false)
            .into_iter()
            .map(|it| it.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("https://u:p@h u:p@h https://u:p"),
        [Kind::Url, Kind::Port, Kind::Mistyped]
    );
}

/// Texts in which escapes and shapes of URLs are frequent.
const TEXT: &str =
    r#"([a-c/:@?&=%\\"' .-]|https?:|//|%2[0-9a-fA-F]|\\u00[0-9a-f]{2}|&amp;|\*{1,4}|é){0,40}"#;
const VALUE: &str = r#"[a-c/:@%\\"'& *é]{8,14}"#;

proptest! {
    // Each case builds a matcher for the forms of up to three secrets.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_form_of_any_secret_is_left(
        text in TEXT,
        values in prop::collection::vec(VALUE, 1..4),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..5),
    ) {
        let values: Vec<&str> = values.iter().map(|it| it.trim()).filter(|it| is_worth_knowing(it)).collect();
        prop_assume!(!values.is_empty());
        let all = secrets(&values);
        let mut text = text;
        for (value, form, place) in places {
            let forms = forms(values[value.index(values.len())]);
            let mut at = place.index(text.len() + 1);
            while !text.is_char_boundary(at) { at -= 1; }
            // Half an escape before or behind it would take one of its characters along.
            text.insert_str(at, &format!(" {} ", &forms[form.index(forms.len())]));
        }
        let shown = all.hide(&text).into_owned();
        for value in &values {
            for form in forms(value) {
                prop_assert!(!shown.contains(&form), "{form:?} in {shown:?} of {text:?}");
            }
        }
        prop_assert_eq!(all.hide(&shown), &*shown);
    }

    #[test]
    fn a_text_without_secrets_stays(text in TEXT) {
        prop_assert_eq!(secrets(&["never-in-such-a-text"]).hide(&text), &*text);
        prop_assert_eq!(Secrets::default().hide(&text), &*text);
    }

    #[test]
    fn hiding_shapes_twice_is_hiding_them_once(text in TEXT) {
        let shown = redact(&text);
        prop_assert_eq!(redact(&shown), &*shown);
        let shown = redact_input(&text);
        prop_assert_eq!(redact_input(&shown), &*shown);
    }
}
