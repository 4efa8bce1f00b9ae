//! One package from a merge request of a fork, with real backends and in real images: the code runs there, extras stay, and
//! production's tarballs are afterwards the bytes that they were.

use std::fs;

use serde_json::Value;

use crate::e2e::image::Image;
use crate::e2e::world::{World, said, sha256, succeed};
use pannier_testkit::git_http::{GitServer, Repo};

/// Three packages that need each other: report → lib\[html\] → tools\[yaml\], and the extra `all` of tools asks for report again.
struct Forge {
    server: GitServer,
    fork: Repo,
}

impl Forge {
    fn new() -> Self {
        let server = GitServer::start();
        let repo = |name: &str| server.repository(name);
        let (tools, lib, report, fork) = (
            repo("platform/job-tools"),
            repo("platform/job-lib"),
            repo("platform/job-report"),
            repo("me/job-lib"),
        );
        let on = |name: &str, extras: &str| {
            let url = server.http.url(&format!("/platform/{name}.git"));
            format!("{name}{extras} @ git+{url}@production")
        };
        let publish = |repo: &Repo, project: String, module: &str, code: &str, spec: &str| {
            repo.git(&["checkout", "-q", "-b", "production"]);
            repo.commit(&[
                ("pyproject.toml", &project),
                (&format!("{module}/__init__.py"), code),
            ]);
            repo.push(&[spec]);
        };
        let branch = "production:refs/heads/production";
        publish(
            &tools,
            hatchling(
                "job-tools",
                "1.0",
                &["idna".into()],
                &[("yaml", "PyYAML".into()), ("all", on("job-report", ""))],
            ),
            "job_tools",
            "WHO = 'production'\n",
            branch,
        );
        publish(
            &lib,
            hatchling(
                "job-lib",
                "2.0",
                &[on("job-tools", "[yaml,all]"), "six".into()],
                &[("html", "MarkupSafe".into())],
            ),
            "job_lib",
            "import job_tools, six, yaml\nWHO = 'production'\n",
            branch,
        );
        publish(
            &report,
            hatchling(
                "job-report",
                "3.0",
                &[on("job-lib", "[html]"), "idna".into()],
                &[],
            ),
            "job_report",
            "import job_lib, markupsafe\nprint(job_lib.WHO, job_lib.job_tools.WHO)\n",
            branch,
        );
        publish(
            &fork,
            hatchling(
                "job-lib",
                "2.1",
                &[on("job-tools", "[yaml,all]"), "toolz".into()],
                &[("html", "MarkupSafe".into())],
            ),
            "job_lib",
            "import job_tools, toolz, yaml\nWHO = 'merge request'\n",
            "production:refs/merge-requests/5/head",
        );
        Self { server, fork }
    }
}

/// A `pyproject.toml` built by hatchling.
fn hatchling(name: &str, version: &str, requires: &[String], extras: &[(&str, String)]) -> String {
    let extras: String = extras
        .iter()
        .map(|(extra, line)| format!("{extra} = [{line:?}]\n"))
        .collect();
    format!(
        "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = {requires:?}\n\n\
         [project.optional-dependencies]\n{extras}\n\
         [tool.hatch.metadata]\nallow-direct-references = true\n"
    )
}

#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn on_this_machine() {
    live(&[&Image::machine()]);
}

#[test]
#[ignore = "needs root and the root file systems of .ci/roots"]
fn in_three_images() {
    live(&[
        &Image::machine(),
        &Image::root("bullseye"),
        &Image::root("trixie"),
    ]);
}

fn live(images: &[&Image]) {
    let (world, forge) = (World::new(), Forge::new());
    let blocks: String = images.iter().map(|image| image.yaml()).collect();
    world.write(
        "pannier.yml",
        &format!(
            "git_base: {}\npackages: [job-report]\nimages:\n{blocks}",
            forge.server.http.url("/platform")
        ),
    );
    world.prepare(&[]);
    let production: Vec<String> = images
        .iter()
        .map(|image| sha256(&world.tarball(image.name)))
        .collect();
    for image in images {
        assert_eq!(shown(&world, image), "production production\n");
    }
    let value = format!(
        "git+{}@refs/merge-requests/5/head",
        forge.server.url(&forge.fork)
    );
    let mut command = world.pannier(["prepare", "--locked"]);
    command
        .env("job_lib_pip_url", &value)
        .env("GITLAB_USER_LOGIN", "alice");
    let text = said(&succeed(command));
    for part in [
        "required by the overrides: added toolz",
        "required by the overrides: removed six",
        "nothing else differs from production",
        "alice (job_lib_pip_url)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for image in images {
        assert_eq!(shown(&world, image), "merge request production\n");
        let manifest = world
            .path("project/dist")
            .join(format!("{}.manifest.json", image.name));
        let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
        let commit = forge.fork.git(&["rev-parse", "HEAD"]);
        assert_eq!(manifest["overrides"][0]["commit"], commit.as_str());
    }
    // The lock of production still fits, and its tarballs are made again, byte for byte.
    world.prepare(&["--locked"]);
    let again: Vec<String> = images
        .iter()
        .map(|image| sha256(&world.tarball(image.name)))
        .collect();
    assert_eq!(again, production);
}

/// What job-report says in an image; `pip check` has to be content there.
fn shown(world: &World, image: &Image) -> String {
    let unpacked = image.unpack(&world.tarball(image.name));
    unpacked.pip("check");
    let output = unpacked.run("bash", ". \"$0/activate\"; python -c 'import job_report'");
    String::from_utf8(output.stdout).unwrap()
}
