//! From git, index and folders to a job: prepared once, then lived through in every image.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::e2e::image::{Image, Unpacked};
use crate::e2e::repos::Forge;
use crate::e2e::world::{World, sha256, succeed};

/// A project that uses everything: git packages by name, path and URL, a folder, the index, two data projects.
fn project(world: &World, forge: &Forge, images: &[&Image]) {
    fs::write(world.path("home/.netrc"), forge.netrc()).unwrap();
    let blocks: String = images.iter().map(|image| image.yaml()).collect();
    let url = forge.url();
    world.write(
        "pannier.yml",
        &format!(
            "git_base: {url}/platform\nbranch: production\n\
             packages:\n  - job-tools\n  - git+{url}/job-lib.git\n  \
             - job-report[html] @ git+{url}/platform/job-report.git@production#subdirectory=py\n  - ./packages/local-tool\n\
             requirements: [\"requests>=2.31\", \"numpy\", \"rich\", \"-r requirements.in\"]\n\
             data: [platform/job-data@production, \"git+{url}/maps.git\", ./data/tables]\n\
             constraints: constraints.txt\nimages:\n{blocks}"
        ),
    );
    world.write("requirements.in", "SQLAlchemy>=2\n");
    world.write("constraints.txt", "click<8.2\nrequests<3\n");
    world.write("data/tables/rates.csv", "eur,1.0\n");
    world.write("packages/local-tool/pyproject.toml", LOCAL_TOOL);
    world.write(
        "packages/local-tool/local_tool.py",
        "def main():\n    print('local')\n",
    );
}

const LOCAL_TOOL: &str = r#"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "local-tool"
version = "0.1.0"
dependencies = ["job-tools"]

[project.scripts]
local-tool = "local_tool:main"

[tool.hatch.build.targets.wheel]
include = ["local_tool.py"]
"#;

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
    project(&world, &forge, images);
    world.prepare(&[]);
    for image in images {
        outputs_agree(&world, &forge, image.name);
        let mut unpacked = image.unpack(&world.tarball(image.name));
        data_is_whole(&unpacked);
        sources_are_recorded(&unpacked, &forge);
        unpacked.check();
        unpacked.pip("check");
        unpacked.moved();
        unpacked.check();
        unpacked.pip("check");
        uninstalls(&unpacked);
    }
    let lock = world.pannier(["lock", "--check"]);
    succeed(lock);
}

/// The digest and the manifest beside the tarball are of that tarball.
fn outputs_agree(world: &World, forge: &Forge, image: &str) {
    let tarball = world.tarball(image);
    let dist = world.path("project/dist");
    let line = fs::read_to_string(dist.join(format!("{image}.tar.gz.sha256"))).unwrap();
    assert_eq!(line, format!("{}  {image}.tar.gz\n", sha256(&tarball)));
    let manifest = fs::read_to_string(dist.join(format!("{image}.manifest.json"))).unwrap();
    let _: Value = serde_json::from_str(&manifest).unwrap();
    for (project, commit) in forge.commits() {
        assert!(
            manifest.contains(&commit),
            "{project} {commit} in {manifest}"
        );
    }
}

/// Links stay links, executables executable, and what is not exported stays at home.
fn data_is_whole(unpacked: &Unpacked) {
    let data = unpacked.path().join("data");
    let link = fs::read_link(data.join("job-data/tables/latest.csv")).unwrap();
    assert_eq!(link.to_str(), Some("2025.csv"));
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("job-data/bin/show"), 0o755);
    assert_eq!(mode("job-data/tables/2025.csv"), 0o644);
    assert!(!data.join("job-data/notes").exists());
    assert_eq!(
        fs::read_to_string(data.join("maps/north.map")).unwrap(),
        "N\n"
    );
    assert_eq!(
        fs::read_to_string(data.join("tables/rates.csv")).unwrap(),
        "eur,1.0\n"
    );
    let shown = unpacked.run("bash", ". \"$0/activate\"; \"$PANNIER_DATA/job-data/bin/show\" \"$PANNIER_DATA/job-data/tables/latest.csv\"");
    assert_eq!(shown.stdout, b"a,1\n");
}

/// `direct_url.json` says the commit that the branch named, for packages asked for and for packages that those asked for.
fn sources_are_recorded(unpacked: &Unpacked, forge: &Forge) {
    let [tools, lib, report, ..] = forge.commits();
    for ((project, commit), dist_info) in [
        (tools, "job_tools-1.2.0.dist-info"),
        (lib, "job_lib-2.0.0.dist-info"),
        (report, "job_report-3.0.0.dist-info"),
    ] {
        let folder = unpacked.site_packages().join(dist_info);
        let text = fs::read_to_string(folder.join("direct_url.json"))
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let origin: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(origin["vcs_info"]["commit_id"], commit, "{text}");
        assert_eq!(
            origin["vcs_info"]["requested_revision"], "production",
            "{text}"
        );
        assert_eq!(
            fs::read_to_string(folder.join("INSTALLER"))
                .unwrap()
                .trim_end(),
            "pannier"
        );
        assert!(folder.join("REQUESTED").exists(), "{project} was asked for");
    }
    let site = unpacked.site_packages();
    let idna = fs::read_dir(&site)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let idna = idna
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("idna-")
        })
        .collect::<Vec<_>>();
    assert_eq!(idna.len(), 1);
    assert!(
        !idna[0].join("REQUESTED").exists(),
        "idna came with requests"
    );
    assert!(!idna[0].join("direct_url.json").exists());
}

/// `pip list`, `pip show -f` and `pip uninstall` work in the unpacked venv.
fn uninstalls(unpacked: &Unpacked) {
    let list = String::from_utf8(unpacked.pip("list --format freeze").stdout).unwrap();
    assert!(
        list.contains("job-tools @ ") || list.contains("job-tools=="),
        "{list}"
    );
    let show = String::from_utf8(unpacked.pip("show -f job-report").stdout).unwrap();
    assert!(
        show.contains("job_report/cli.py") && show.contains("../../../bin/job-report"),
        "{show}"
    );
    unpacked.pip("uninstall --yes job-report");
    assert!(!unpacked.site_packages().join("job_report").exists());
    assert!(!unpacked.path().join("venv/bin/job-report").exists());
    unpacked.pip("check");
}

#[test]
#[ignore = "needs a package index and the shells of .ci/install"]
fn activate_in_every_shell() {
    let world = World::new();
    let image = Image::machine();
    world.write(
        "pannier.yml",
        &format!("requirements: [six]\nimages:\n{}", image.yaml()),
    );
    world.prepare(&[]);
    let unpacked = image.unpack(&world.tarball(image.name));
    let from_elsewhere =
        ". \"$0/activate\"; python -c 'import six'; test \"$VIRTUAL_ENV\" = \"$0/venv\"";
    for shell in ["bash", "zsh", "ksh"] {
        unpacked.run(shell, from_elsewhere);
    }
    for shell in ["dash", "sh", "busybox sh"] {
        unpacked.run(
            shell,
            &format!(
                "cd \"$0\"; {}",
                from_elsewhere.replace("$0/activate", "./activate")
            ),
        );
        unpacked.run(shell, &format!("PANNIER_ROOT=$0; {from_elsewhere}"));
        let refused = unpacked.run(
            shell,
            "if (. \"$0/activate\") 2>refused; then exit 1; fi; cat refused",
        );
        assert!(String::from_utf8_lossy(&refused.stdout).contains("PANNIER_ROOT"));
    }
}
