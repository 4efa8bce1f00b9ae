//! The matrix: each secret in each of its forms, repeated by each of those whose texts are shown.

use std::process::Output;

use crate::secrets::world::{SECRETS, World, check, echo, percent, shown};
use pannier_testkit::loopback::{Answer, Request};

/// What a server adds to the URL that it redirects to.
const SIGNATURE: &str = "X-Amz-Date=20260301&X-Amz-Signature=5ignatureOf%2FtheUrl";

/// Runs the program once for each secret, with everything that knows it repeating it.
fn matrix(channel: &str, world: &World, run: impl Fn(&World, &str) -> Output) {
    for secret in SECRETS {
        // A secret of the configuration is known once that is read.
        if secret.0 == "pannier.yml" && !world.path(secret.0).exists() {
            continue;
        }
        let text = echo(secret.1);
        world.say(&text);
        let output = run(world, &text);
        let shown = shown(&output);
        assert!(!output.status.success(), "{channel}: {shown}");
        assert!(shown.contains("****"), "{channel} shows nothing:\n{shown}");
        check(&shown, channel, secret);
        assert!(
            !shown.contains("5ignature"),
            "{channel} shows a signature:\n{shown}"
        );
    }
}

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// A git server that refuses with words of its own.
fn git_error(request: &Request, said: &str) -> Answer {
    let body = match request.path.ends_with("/info/refs") {
        true => line("# service=git-upload-pack\n") + "0000" + &line(&format!("ERR {said}")),
        false => String::new(),
    };
    Answer::new(200, body).with(
        "content-type",
        "application/x-git-upload-pack-advertisement",
    )
}

#[test]
fn a_git_servers_words() {
    let world = World::new(git_error);
    world.config("packages: [tool]");
    matrix("git ERR", &world, |world, _| world.run(&["lock"]));
    matrix("git ERR, JUnit", &world, |world, _| {
        let output = world.run(&["prepare", "--junit", "report.xml"]);
        let report = std::fs::read(world.path("report.xml")).unwrap();
        Output {
            stdout: report,
            ..output
        }
    });
}

#[test]
fn headers_of_a_server() {
    let world = World::new(|_, said| {
        let said = said.split_whitespace().collect::<Vec<_>>().join("_");
        Answer::new(403, "").with("x-request-id", said)
    });
    world.config("packages: [tool]");
    // A header is cut at its hundredth character, so each form comes by itself.
    for (name, value) in SECRETS {
        for form in crate::secrets::world::forms(value) {
            world.say(&form);
            check(&shown(&world.run(&["lock"])), "a header", (name, value));
        }
    }
    let world = World::new(|_, said| Answer::new(200, "").with("content-type", said));
    world.config("packages: [tool]");
    matrix("a media type", &world, |world, _| world.run(&["lock"]));
}

#[test]
fn a_signed_redirect() {
    let world = World::new(|request, said| match request.query.contains("X-Amz") {
        true => Answer::new(403, said).with("x-request-id", "****"),
        false => Answer::new(302, "").with("location", format!("/s3/x?{SIGNATURE}")),
    });
    world.config("packages: [tool]");
    matrix("a redirect of git", &world, |world, _| world.run(&["lock"]));
    let world = World::new(|request, said| match request.query.contains("X-Amz") {
        true => Answer::new(
            403,
            serde_json::json!({"message": format!("{said} {SIGNATURE} 5ignatureOf/theUrl")})
                .to_string(),
        ),
        false => Answer::new(302, "").with("location", format!("/s3/x?{SIGNATURE}")),
    });
    matrix("a redirect of the API", &world, guard);
}

/// The guard asks GitLab's API first of all.
fn guard(world: &World, _: &str) -> Output {
    let mut command = world.command(&["guard", "--no-wait"]);
    command
        .env("CI_API_V4_URL", world.server.url("/api/v4"))
        .env("CI_SERVER_URL", world.server.url(""))
        .env("CI_PROJECT_ID", "7")
        .env("CI_PIPELINE_ID", "70");
    command.output().unwrap()
}

#[test]
fn gitlabs_words() {
    let bodies: [fn(&str) -> String; 5] = [
        |said| serde_json::json!({ "message": said }).to_string(),
        |said| serde_json::json!({"error": "x", "error_description": said}).to_string(),
        |said| serde_json::json!({"message": {"base": [said, {"a": said}]}}).to_string(),
        |said| {
            serde_json::json!({"message": serde_json::json!({ "a": said }).to_string()}).to_string()
        },
        |said| said[..said.len().min(490)].to_owned(),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let world = World::new(move |_, said| Answer::new(403, body(said)));
        matrix(&format!("GitLab's body {number}"), &world, guard);
    }
}

#[test]
fn a_message_that_is_cut_shows_no_half_of_a_secret() {
    for (name, value) in [SECRETS[1], SECRETS[7]] {
        for before in 485..500 {
            let world = World::new(move |_, said| {
                let text = format!("{}{said}", "x".repeat(before));
                Answer::new(403, serde_json::json!({ "message": text }).to_string())
            });
            world.say(value);
            let shown = shown(&guard(&world, ""));
            let half = &value[..value.len() / 2];
            assert!(
                !shown.contains(&format!("x{half}")),
                "{name} at {before}: {shown}"
            );
        }
    }
}

#[test]
fn uvs_words_and_those_of_a_build() {
    let world = World::new(|_, _| Answer::new(404, ""));
    world.config("requirements: [six]");
    matrix("uv", &world, |world, _| world.run(&["lock"]));
    matrix("uv, verbose", &world, |world, _| world.run(&["lock", "-v"]));
    world.say(&format!(
        "403 Forbidden for url (https://s3.example.org/six.whl?{SIGNATURE})"
    ));
    let shown = shown(&world.run(&["lock"]));
    assert!(
        shown.contains("https://s3.example.org/six.whl?****"),
        "{shown}"
    );
    // A folder is built first, by a backend whose words uv passes on.
    std::fs::create_dir(world.path("tool")).unwrap();
    world.write(
        "tool/pyproject.toml",
        "[project]\nname = 'tool'\nversion = '1'\n[build-system]\nrequires = []\nbuild-backend = 'x'\n",
    );
    world.config("packages: [./tool]");
    matrix("a build", &world, |world, _| world.run(&["lock"]));
}

#[test]
fn arguments_that_clap_refuses() {
    let world = World::new(|_, _| Answer::new(404, ""));
    matrix("a value", &world, |world, said| {
        world.run(&["lock", "--color", said])
    });
    matrix("a name", &world, |world, said| {
        world.run(&["release", "promote", "latest", "--channel", said])
    });
    matrix("a verb", &world, |world, said| world.run(&[said]));
    matrix("a positional", &world, |world, said| {
        world.run(&["lock", said])
    });
}

#[test]
fn values_of_the_configuration() {
    let world = World::new(|_, _| Answer::new(404, ""));
    for entry in [
        "compression: VALUE",
        "VALUE: 1",
        "packages: VALUE",
        "packages: [VALUE]",
        "requirements: [VALUE]",
        "data: [VALUE]",
        "branch: VALUE",
        "index: {url: VALUE}",
        "constraints: VALUE",
        "releases: {repository: VALUE}",
    ] {
        matrix(entry, &world, |world, said| {
            let quoted = serde_json::to_string(said).unwrap();
            world.config(&entry.replace("VALUE", &quoted));
            world.run(&["config", "show"])
        });
    }
}

#[test]
fn results_as_text_and_as_json() {
    let world = World::new(|_, _| Answer::new(404, ""));
    for secret in SECRETS {
        let quoted = serde_json::to_string(&echo(secret.1)).unwrap();
        world.config(&format!("gate: {{smoke: [{quoted}]}}\noutput: {quoted}"));
        for format in ["text", "json"] {
            let output = world.run(&["config", "show", "--format", format]);
            assert!(output.status.success(), "{}", shown(&output));
            let stdout = String::from_utf8(output.stdout).unwrap();
            assert!(stdout.contains("****"), "{stdout}");
            check(&stdout, format, secret);
            if format == "json" {
                serde_json::from_str::<serde_json::Value>(&stdout).unwrap();
            }
        }
    }
}

#[test]
fn tokens_in_queries_are_refused_with_the_way_to_pass_them() {
    let world = World::new(|_, _| Answer::new(404, ""));
    let queries = [
        "private_token=n0tKnown",
        "job_token=n0tKnown",
        "access_token=n0tKnown",
        "a=b&token=n0tKnown",
        "oauth_token=n0tKnown",
        &format!("page={}&a=b", percent(SECRETS[0].1, true)),
    ];
    for query in queries {
        let url = format!("https://h.example.org/x.git?{query}");
        for entry in [
            "packages: [VALUE]",
            "data: [VALUE]",
            "requirements: ['x @ VALUE']",
            "index: {url: VALUE}",
            "index: {extra: [VALUE]}",
            "releases: {repository: VALUE}",
            "",
        ] {
            world.config(&entry.replace("VALUE", &url));
            let arguments: &[&[&str]] = match entry.is_empty() {
                false => &[&["config", "show"]],
                true => &[
                    &["config", "show", "--index-url", &url],
                    &["config", "show", "--extra-index-url", &url],
                    &["config", "show", "--git-base", &url],
                    &["config", "show", "--override", &format!("x={url}")],
                    &[
                        "config",
                        "show",
                        "--override",
                        &format!("x=https://h.example.org/a/b/-/merge_requests/5?{query}"),
                    ],
                    &["release", "list", "--book", &url],
                    &["deploy", &url],
                    &["guard", "--api-url", &url, "-p", "7", "-i", "70"],
                ],
            };
            for arguments in arguments {
                // The index of the environment beats that of the file.
                let mut command = world.command(arguments);
                let output = command.env_remove("PIP_EXTRA_INDEX_URL").output().unwrap();
                let text = shown(&output);
                assert_eq!(
                    output.status.code(),
                    Some(2),
                    "{entry} {arguments:?}: {text}"
                );
                assert!(!text.contains("n0tKnown"), "{entry} {arguments:?}: {text}");
                assert!(
                    text.contains("PANNIER_TOKEN") && text.contains("netrc"),
                    "{text}"
                );
                check(&text, entry, SECRETS[0]);
            }
        }
        for variable in [
            "PANNIER_GIT_BASE",
            "UV_INDEX",
            "GITLAB_COM_PACKAGES",
            "CI_API_V4_URL",
            "CI_SERVER_URL",
            "X_pip_url",
        ] {
            world.config("");
            let output = world
                .command(&["config", "show"])
                .env(variable, &url)
                .output()
                .unwrap();
            let text = shown(&output);
            assert_eq!(output.status.code(), Some(2), "{variable}: {text}");
            assert!(!text.contains("n0tKnown"), "{variable}: {text}");
        }
    }
}
