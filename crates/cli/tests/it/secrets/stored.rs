//! What is written down: free texts lose their secrets, and what must stay exact is not stored with one.

use crate::secrets::world::{SECRETS, World, check, echo, files, shown};
use pannier_testkit::git_http::{self, GitServer};
use pannier_testkit::loopback::Answer;

const BRANCH: &str = "pannier/releases";

const LOCK: &str = "lock-version = \"1.0\"\ncreated-by = \"pannier\"\npackages = []\n\n[tool.pannier]\nformat = 1\nrequest = \
\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n";

#[test]
fn the_release_book_and_its_commits() {
    let world = World::new(|_, _| Answer::new(404, ""));
    let server = GitServer::start();
    let repo = server.repository("book");
    repo.commit(&[("README.md", "code")]);
    repo.push(&[]);
    git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
    world.config("");
    world.write("pylock.toml", LOCK);
    for secret in SECRETS {
        let text = echo(secret.1);
        let mut command = world.command(&["release", "record", "--reason", &text]);
        let output = command
            .env("PANNIER_RELEASES", server.url(&repo))
            .env("GITLAB_USER_LOGIN", secret.1)
            .env("GITLAB_USER_EMAIL", format!("{}@example.org", secret.1))
            .output()
            .unwrap();
        let text = shown(&output);
        assert!(output.status.success(), "{text}");
        check(&text, "release record", secret);
        let files = git_http::git(&repo.bare, &["grep", "-h", "", BRANCH]);
        let log = git_http::git(&repo.bare, &["log", "--format=%an %ae %B", BRANCH]);
        assert!(
            files.contains("****") && log.contains("****"),
            "{files}{log}"
        );
        check(&files, "the book", secret);
        check(&log, "a commit of the book", secret);
        let list = world
            .command(&["release", "list", "--format", "json"])
            .env("PANNIER_RELEASES", server.url(&repo))
            .output()
            .unwrap();
        check(&shown(&list), "release list", secret);
    }
    check(
        &files(world.folder.path())
            .replace(&std::fs::read_to_string(world.path(".netrc")).unwrap(), ""),
        "a file",
        SECRETS[7],
    );
}

#[test]
fn a_lock_with_a_token_is_not_recorded() {
    let world = World::new(|_, _| Answer::new(404, ""));
    let server = GitServer::start();
    let repo = server.repository("book");
    repo.commit(&[("README.md", "code")]);
    repo.push(&[]);
    git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
    world.config("");
    for url in [
        format!("https://h.example.org/{}/six", SECRETS[0].1),
        "https://h.example.org/six?X-Amz-Signature=5ignature".to_owned(),
    ] {
        let package = format!(
            "[[packages]]\nname = \"six\"\nversion = \"1\"\nwheels = [{{name = \"six-1-py3-none-any.whl\", url = \"{url}/six-1-py3-none-any.whl\", hashes = {{sha256 = \"{}\"}}}}]\n\n[tool",
            "0".repeat(64)
        );
        world.write(
            "pylock.toml",
            &LOCK
                .replace("packages = []\n", "")
                .replacen("[tool", &package, 1),
        );
        let mut command = world.command(&["release", "record"]);
        let output = command
            .env("PANNIER_RELEASES", server.url(&repo))
            .output()
            .unwrap();
        let text = shown(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains(".pylock.toml would contain a secret in line 7"),
            "{text}"
        );
        assert!(
            !text.contains("5ignature") && text.contains("****"),
            "{text}"
        );
        check(&text, "the refusal", SECRETS[0]);
    }
    assert_eq!(git_http::git(&repo.bare, &["branch", "--list", BRANCH]), "");
}
