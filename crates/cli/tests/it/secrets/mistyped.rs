//! What was meant as a URL and is none, in every place that takes a text of the user's.

use crate::secrets::world::{World, shown};
use pannier_testkit::loopback::Answer;

/// `PW` is the password.
const FORMS: [&str; 12] = [
    "https://user:PW",
    "http//user:PW@h.example.org",
    "user:PW@h.example.org/simple",
    "https:/user:PW@h.example.org:x/x.git",
    "//user:PW@h.example.org",
    "https://user:PW@",
    "git+https//user:PW@h.example.org/x.git@main",
    "https://user:/PW@h.example.org/x",
    "https:user:PW@h.example.org:x",
    "me@example.org:PW@h.example.org/simple",
    "ftp://user:PW@h.example.org",
    "https://user:PW h.example.org",
];

const FLAGS: [&[&str]; 20] = [
    &["config", "show", "--git-base"],
    &["config", "show", "--branch"],
    &["config", "show", "--index-url"],
    &["config", "show", "--extra-index-url"],
    &["config", "show", "--constraints"],
    &["config", "show", "--config"],
    &["config", "show", "--image"],
    &["config", "show", "--override"],
    &["config", "show", "--overrides"],
    &["lock", "--locked", "--color"],
    &["lock", "--check", "--upgrade"],
    &["unpack"],
    &["inspect"],
    &["diff", "a"],
    &["release", "promote", "latest", "--release-log"],
    &["release", "promote", "latest", "--channel"],
    &["deploy"],
    &["deploy", "tool", "--commit", "0000000", "--expect"],
    &[
        "guard",
        "-p",
        "7",
        "-i",
        "70",
        "-t",
        "glpat-1234567890",
        "--api-url",
    ],
    &[
        "guard",
        "-p",
        "7",
        "-u",
        "http://127.0.0.1:9",
        "-t",
        "glpat-1234567890",
        "-i",
    ],
];

const VARIABLES: [&str; 15] = [
    "PANNIER_CONFIG",
    "PANNIER_GIT_BASE",
    "PANNIER_BRANCH",
    "PANNIER_CONSTRAINTS",
    "PANNIER_CONSTRAINTS_TEXT",
    "PANNIER_RELEASES",
    "PANNIER_OUTPUT",
    "GITLAB_COM_PACKAGES",
    "DATA_PROJECTS",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "CI_SERVER_URL",
    "CI_API_V4_URL",
    "SOURCE_DATE_EPOCH",
    "TOOL_pip_url",
];

const KEYS: [&str; 18] = [
    "git_base: VALUE",
    "branch: VALUE",
    "packages: [VALUE]",
    "packages: VALUE",
    "requirements: [VALUE]",
    "requirements: ['-r', VALUE]",
    "data: [VALUE]",
    "constraints: VALUE",
    "index: {url: VALUE}",
    "index: {extra: [VALUE]}",
    "images: {VALUE: {python: '3.13'}}",
    "images: {a: {python: VALUE}}",
    "images: {a: {platform: VALUE}}",
    "releases: {repository: VALUE}",
    "releases: {repository: a, branch: VALUE}",
    "overrides: {allow: [VALUE]}",
    "compression: VALUE",
    "VALUE: a",
];

/// Runs the program with `value` in every place; `see` gets what was shown, with the place.
fn everywhere(world: &World, value: &str, see: impl Fn(&str, bool, &str)) {
    let mut runs = Vec::new();
    for arguments in FLAGS {
        world.config("");
        let mut all = arguments.to_vec();
        let pair = format!("tool={value}");
        all.push(if arguments.last() == Some(&"--override") {
            &pair
        } else {
            value
        });
        runs.push((
            arguments.join(" "),
            world.command(&all).env_remove("PRIVATE_TOKEN").output(),
        ));
    }
    for variable in VARIABLES {
        world.config("");
        let mut command = world.command(&["config", "show"]);
        runs.push((variable.to_owned(), command.env(variable, value).output()));
    }
    for key in KEYS {
        let text = key.replace("VALUE", &serde_json::to_string(value).unwrap());
        world.write("pannier.yml", &text);
        let mut command = world.command(&["config", "show"]);
        runs.push((
            key.to_owned(),
            command.env_remove("PIP_EXTRA_INDEX_URL").output(),
        ));
    }
    for (place, output) in runs {
        let output = output.unwrap();
        see(&place, output.status.success(), &shown(&output));
    }
}

#[test]
fn no_password_is_shown() {
    let world = World::new(|_, _| Answer::new(404, ""));
    for form in FORMS {
        let value = form.replace("PW", "s3cr3t-passw0rd");
        everywhere(&world, &value, |place, _, text| {
            assert!(!text.contains("s3cr3t"), "{form} in {place}:\n{text}");
        });
    }
}

#[test]
fn no_short_password_is_shown_by_an_error() {
    let world = World::new(|_, _| Answer::new(404, ""));
    for form in &FORMS[..7] {
        let value = form.replace("PW", "Zq9x");
        everywhere(&world, &value, |place, good, text| {
            assert!(good || !text.contains("Zq9x"), "{form} in {place}:\n{text}");
        });
    }
}

#[test]
fn words_between_a_colon_and_an_at_sign_are_shown() {
    let world = World::new(|_, _| Answer::new(404, ""));
    let text = "# Ask: builders@example.org\npackages:\n  - job-tools@main\ngit_base: https://git.example.org:8443\n\
        images: {a: {python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3}}\n";
    world.write("pannier.yml", text);
    let output = world.command(&["config", "show"]).output().unwrap();
    let text = shown(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("job-tools"), "{text}");
    assert!(text.contains("https://git.example.org:8443"), "{text}");
}
