//! No credential is in the environment, the arguments or the files of a build.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::builds::world::{GIT, READER, TOKENS, World, said, stub_of, succeed};
use pannier_testkit::loopback::{Answer, Loopback};

/// No secret is in what any backend saw, and each of `projects` was built; nor is one in what the run leaves behind, nor the
/// address by which uv reached the index.
#[track_caller]
fn saw_no_secret(world: &World, projects: &[&str]) {
    let dumps = world.dumps();
    for project in projects {
        assert!(dumps.iter().any(|(name, _)| name == project), "{project}");
    }
    let tokens = TOKENS.map(|name| format!("secret-of-{name}"));
    let secrets = tokens.iter().map(String::as_str);
    for secret in secrets.chain([READER.1, READER.2, GIT.1]) {
        for (project, dump) in &dumps {
            let at = dump.find(secret);
            let around = at.map(|at| &dump[at.saturating_sub(60)..at]);
            assert_eq!(around, None, "{project} saw {secret}");
        }
    }
    left_nothing_behind(world);
}

#[track_caller]
fn left_nothing_behind(world: &World) {
    let state = fs::read_to_string(world.path("store/index-relay")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let secret = state["secret"].as_str().unwrap();
    let host = format!("127.0.0.1:{}/", state["ports"][0]);
    for path in files(&world.path("")) {
        let bytes = fs::read(&path).unwrap();
        let holds = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        let shown = path.display();
        if !["pannier.yml", "netrc"].contains(&name) {
            for secret in [READER.1, READER.2, GIT.1, "secret-of-"] {
                assert!(!holds(secret), "{shown} holds {secret}");
            }
        }
        // uv keeps what it fetched by the URL that it knows.
        if !path.starts_with(world.path("store/uv-cache")) && name != "index-relay" {
            assert!(!holds(secret) && !holds(&host), "{shown}");
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[test]
fn a_build_sees_no_token_and_no_password_of_git_or_index() {
    let world = World::new();
    world.configure(&format!(
        "packages: [\"{}\"]\nrequirements: [\"direct @ {}\"]\nindex: {{url: \"{}\"}}\n",
        world.job_lib(),
        world.direct(),
        world.index_url()
    ));
    let said = succeed(world.command(&["prepare", "-v"]));
    assert!(
        !said.contains(READER.2) && !said.contains(READER.1),
        "{said}"
    );
    saw_no_secret(&world, &["job-lib", "packed"]);
}

#[test]
fn nor_does_it_see_those_of_variables() {
    let world = World::new();
    world.configure(&format!("packages: [\"{}\"]\n", world.job_lib()));
    let mut command = world.command(&["prepare"]);
    command
        .env("UV_DEFAULT_INDEX", format!("team={}", world.index.url()))
        .env("UV_INDEX_TEAM_USERNAME", READER.0)
        .env("UV_INDEX_TEAM_PASSWORD", READER.1)
        .env("GIT_ASKPASS", format!("/bin/echo {}", GIT.1))
        .env("GIT_CONFIG_VALUE_0", format!("header {}", GIT.1));
    succeed(command);
    saw_no_secret(&world, &["job-lib", "packed"]);
}

#[test]
fn nor_does_it_see_the_jobs_token_where_the_index_takes_it() {
    let world = World::new();
    world
        .index
        .protect("gitlab-ci-token:secret-of-CI_JOB_TOKEN");
    world.configure(&format!(
        "packages: [\"{}\"]\nindex: {{url: \"{}\"}}\n",
        world.job_lib(),
        world.index.url()
    ));
    let mut command = world.command(&["prepare"]);
    command.env("CI_SERVER_URL", world.index.http.url(""));
    succeed(command);
    saw_no_secret(&world, &["job-lib", "packed"]);
}

#[test]
fn nor_does_it_see_those_of_netrc() {
    let world = World::new();
    world.configure(&format!(
        "packages: [\"{}\"]\nindex: {{url: \"{}\"}}\n",
        world.job_lib(),
        world.index.url()
    ));
    let netrc = format!(
        "machine 127.0.0.1 login {} password {}\n",
        READER.0, READER.1
    );
    fs::write(world.path("netrc"), netrc).unwrap();
    let mut command = world.command(&["prepare"]);
    command.env("NETRC", world.path("netrc"));
    succeed(command);
    saw_no_secret(&world, &["job-lib", "packed"]);
}

/// A program that writes down its environment and its arguments before it becomes `program`.
fn noting(world: &World, name: &str, program: &str) -> PathBuf {
    let path = world.path("programs").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let noted = world.path("dumps").join(format!("{name}-$$"));
    let text = format!(
        "#!/bin/sh\n{{ env; echo \"arguments: $*\"; }} >'{}'\nexec '{program}' \"$@\"\n",
        noted.display()
    )
    .replace("$$'", "'$$");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn no_call_of_uv_or_of_an_interpreter_holds_a_secret() {
    let world = World::new();
    let uv = noting(
        &world,
        "uv",
        pannier_testkit::uv::uv().program.to_str().unwrap(),
    );
    let python = noting(&world, "python3", "/usr/bin/python3");
    world.configure(&format!(
        "packages: [\"{}\"]\nindex: {{url: \"{}\"}}\n",
        world.job_lib(),
        world.index_url()
    ));
    let path = format!("{}:/usr/bin:/bin", python.parent().unwrap().display());
    let mut command = world.command(&["prepare", "--here"]);
    command.env("PANNIER_UV", uv).env("PATH", path);
    succeed(command);
    // Everybody on the machine can read arguments, so not even the relay's path is among them.
    let state = fs::read_to_string(world.path("store/index-relay")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let secret = state["secret"].as_str().unwrap();
    for entry in fs::read_dir(world.path("dumps")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let noted = fs::read_to_string(&path).unwrap();
        let (_, arguments) = noted.rsplit_once("\narguments: ").unwrap_or_default();
        assert!(!arguments.contains(secret), "{name}: {arguments}");
        let by_wrapper = name.starts_with("uv-") || name.starts_with("python3-");
        assert_eq!(by_wrapper, !arguments.is_empty(), "{name}");
    }
    saw_no_secret(&world, &["uv", "python3", "job-lib", "packed"]);
}

#[test]
fn a_variable_that_is_named_reaches_the_build_and_decides_it() {
    let world = World::new();
    let index = world.index_url();
    fs::create_dir(world.path("tool")).unwrap();
    for (path, text) in world.project("tool", &[], false) {
        fs::write(world.path("tool").join(path), text).unwrap();
    }
    world.configure(&format!(
        "packages: [./tool]\nindex: {{url: \"{index}\"}}\nbuild: {{environment: [FLAVOR]}}\n"
    ));
    let mut built = Vec::new();
    for flavor in ["vanilla", "vanilla", "mint"] {
        let mut command = world.command(&["prepare"]);
        command.env("FLAVOR", flavor).env("TASTE", "sour");
        succeed(command);
        let dumps = world.dumps();
        assert!(
            dumps
                .iter()
                .all(|(_, dump)| dump.contains(flavor) && !dump.contains("TASTE"))
        );
        built.push(!dumps.is_empty());
    }
    assert_eq!(built, [true, false, true]);
}

#[test]
fn a_token_cannot_be_named() {
    let world = World::new();
    world.configure("build:\n  environment: [FLAVOR, CI_JOB_TOKEN]\n");
    let output = world.command(&["lock"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("pannier.yml:2:25") && said.contains("`CI_JOB_TOKEN` contains a credential"),
        "{said}"
    );
}

#[test]
fn a_proxys_password_stays_here_and_its_way_is_taken() {
    let world = World::new();
    fs::create_dir(world.path("tool")).unwrap();
    for (path, text) in world.project("tool", &[], false) {
        fs::write(world.path("tool").join(path), text).unwrap();
    }
    let helper = stub_of("helper", "1.0");
    // What the proxy is asked for is a URL, not a path.
    let proxy = Loopback::start(move |request| {
        let login = request.header("proxy-authorization");
        if login != Some("Basic dXNlcjpwcm94eS1zZWNyZXQ=") {
            return Answer::new(407, "");
        }
        match request.path.as_str() {
            "http://index.invalid/simple/helper/" => {
                let link = format!("<a href='/{name}'>{name}</a>", name = helper.name);
                Answer::new(200, link).with("content-type", "text/html")
            }
            path if path.ends_with(&helper.name) => Answer::new(200, helper.bytes.clone()),
            _ => Answer::new(404, ""),
        }
    });
    world.configure("packages: [./tool]\nindex: {url: \"http://index.invalid/simple/\"}\n");
    let mut command = world.command(&["lock"]);
    command.env("http_proxy", proxy.url_as("user:proxy-secret", ""));
    succeed(command);
    let dumps = world.dumps();
    assert!(!dumps.is_empty());
    for (_, dump) in dumps {
        assert!(dump.contains(&proxy.url("")) && !dump.contains("proxy-secret"));
    }
    left_nothing_behind(&world);
}

#[test]
fn what_a_backend_prints_of_the_index_is_shown_as_the_real_one() {
    let world = World::new();
    fs::create_dir(world.path("tool")).unwrap();
    for (path, text) in world.project("tool", &[], true) {
        fs::write(world.path("tool").join(path), text).unwrap();
    }
    world.configure(&format!(
        "packages: [./tool]\nindex: {{url: \"{}\"}}\n",
        world.index_url()
    ));
    let output = world.command(&["lock"]).output().unwrap();
    let said = said(&output);
    let told = format!("the backend saw {}", world.index.url());
    assert!(said.contains(&told), "{said}");
}

#[test]
fn a_second_run_fetches_nothing_again() {
    let world = World::new();
    world.index.last();
    world.configure(&format!(
        "requirements: [leaf, packed]\nindex: {{url: \"{}\"}}\n",
        world.index_url()
    ));
    succeed(world.command(&["lock"]));
    let lock = fs::read(world.path("pylock.toml")).unwrap();
    fs::remove_file(world.path("pylock.toml")).unwrap();
    let before = world.index.http.count();
    succeed(world.command(&["lock"]));
    let seen = world.index.http.seen();
    let again = seen[before..].iter();
    let news: Vec<_> = again
        .filter(|request| request.header("if-none-match").is_none())
        .map(|request| request.path.as_str())
        .collect();
    assert_eq!(news, Vec::<&str>::new());
    assert_eq!(fs::read(world.path("pylock.toml")).unwrap(), lock);
}
