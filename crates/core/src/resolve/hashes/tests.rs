//! Lines against locked files, without uv and without an index.

use std::cell::Cell;

use super::*;
use crate::constraints::parse;
use crate::lock::pylock;
use crate::request::ConstraintsText;
use crate::request::overrides::Overrides;
use pannier_archive::venv::PythonLink;
use pannier_base::digest::Digest;
use pannier_base::platform::Target;
use pannier_clients::git::Submodules;
use pannier_clients::uv::Indexes;

/// Two images, Python 3.9 and 3.13, which get `lib` 1.0 and a package from git.
fn lock() -> Lock {
    let (wheel, sdist) = (Digest::of(b"wheel"), Digest::of(b"sdist"));
    let text = format!(
        "lock-version = \"1.0\"\n\
         [[packages]]\nname = \"job\"\nversion = \"1.0\"\n\
         vcs = {{ type = \"git\", url = \"https://git.example.org/job\", commit-id = \"{0}\" }}\n\
         [[packages]]\nname = \"lib\"\nversion = \"1.0\"\n\
         sdist = {{ url = \"https://example.org/lib-1.0.tar.gz\", hashes = {{ sha256 = \"{sdist}\" }} }}\n\
         wheels = [{{ url = \"https://example.org/lib-1.0-py3-none-any.whl\", hashes = {{ sha256 = \"{wheel}\" }} }}]\n\
         [tool.pannier]\nformat = 1\nrequest = \"{wheel}\"\n\
         [tool.pannier.images.old]\npython = \"3.9\"\nplatform = \"x86_64-manylinux_2_31\"\nrequested = []\n\
         [tool.pannier.images.new]\npython = \"3.13\"\nplatform = \"x86_64-manylinux_2_41\"\nrequested = []\n",
        "a".repeat(40)
    );
    pylock::read(&text).unwrap().lock
}

fn request(constraints: &str) -> Request {
    let image = |name: &str, python: &str| ImageRequest {
        name: name.parse().unwrap(),
        image: None,
        target: Target {
            python: python.parse().unwrap(),
            platform: "x86_64-manylinux_2_31".parse().unwrap(),
        },
        interpreter: "/usr/bin/python3".into(),
        python_link: PythonLink::Absolute,
        packages: Vec::new(),
        requirements: Vec::new(),
        hashed: Vec::new(),
        data: Vec::new(),
    };
    let constraints = constraints
        .replace("WHEEL", &Digest::of(b"wheel").to_string())
        .replace("SDIST", &Digest::of(b"sdist").to_string())
        .replace("NONE", &"0".repeat(64));
    Request {
        root: "/project".into(),
        images: vec![image("new", "3.13"), image("old", "3.9")],
        constraints: Some(ConstraintsText {
            path: "c.txt".into(),
            lines: parse(&constraints, "c.txt".as_ref()).unwrap(),
        }),
        index: Indexes::default(),
        submodules: Submodules::Refuse,
        absolute_links: pannier_base::paths::AbsoluteLinks::Refuse,
        overrides: Overrides::default(),
        require_hashes: false,
    }
}

fn said(request: &Request) -> String {
    let checked = HashCheck::new(request, None).check(&lock(), &[]);
    checked.map_or_else(|why| why.to_string(), |()| "right".to_owned())
}

#[test]
fn lines_that_say_nothing_of_a_file_pass_over_it() {
    for constraints in [
        "",
        "lib==1.0",
        "other==1.0 --hash=sha256:NONE",
        "lib==1.0 --hash=sha256:WHEEL",
        "lib==1.0 ; python_version < '3' --hash=sha256:NONE",
    ] {
        assert_eq!(said(&request(constraints)), "right", "{constraints}");
    }
}

#[test]
fn a_mismatch_names_images_lines_and_digests() {
    let text = said(&request(
        "\nlib==1.0 --hash=sha256:NONE --hash=sha256:SDIST",
    ));
    insta::assert_snapshot!(text, @r"
    hash mismatch in 1 package:
    lib 1.0 (image new, old)
      expected by c.txt:2:
        sha256:0000000000000000000000000000000000000000000000000000000000000000
        sha256:714772a9f82b2aeb4fa5f7092d00fe4ac4c9cdeb6800840b6ed39ea64c4d785a
      found for lib-1.0-py3-none-any.whl:
        sha256:ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91
    ");
    let marked = "lib==1.0 ; python_version < '3.10' --hash=sha256:NONE";
    assert!(said(&request(marked)).contains("(image old)"));
    // Another line does not make up for it.
    let mut both = request("lib==1.0 --hash=sha256:WHEEL");
    let other = request("lib==1.0 --hash=sha256:NONE").constraints.unwrap();
    both.images[1].hashed = other.lines;
    assert!(said(&both).contains("(image old)"));
}

#[test]
fn a_package_from_git_has_no_file_to_hash() {
    let text = said(&request("job==1.0 --hash=sha256:NONE"));
    assert!(text.starts_with("c.txt:1 has hashes of `job`"), "{text}");
    let mut strict = request("lib==1.0 --hash=sha256:WHEEL");
    strict.require_hashes = true;
    assert_eq!(said(&strict), "right");
}

#[test]
fn files_that_no_image_may_get_leave_the_lock() {
    let narrowed = |constraints: &str| {
        let request = request(constraints);
        let mut lock = lock();
        HashCheck::new(&request, None).narrow(&mut lock).map(|()| {
            let files = lock.packages.iter().flat_map(files);
            files.map(|file| file.name.clone()).collect::<Vec<_>>()
        })
    };
    let both = ["lib-1.0-py3-none-any.whl", "lib-1.0.tar.gz"];
    assert_eq!(narrowed("lib==1.0").unwrap(), both);
    assert_eq!(narrowed("lib==1.0 --hash=sha256:WHEEL").unwrap(), both[..1]);
    assert_eq!(narrowed("lib==1.0 --hash=sha256:SDIST").unwrap(), both[1..]);
    // What one image may not get, another one may.
    let marked = "lib==1.0 ; python_version < '3.10' --hash=sha256:WHEEL";
    assert_eq!(narrowed(marked).unwrap(), both);
    let error = narrowed("lib==1.0 --hash=sha256:NONE").unwrap_err();
    for file in both {
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_known_good_lock_may_have_versions_that_lines_do_not_pin() {
    let check = |constraints: &str| {
        let request = request(constraints);
        let check = HashCheck::new(&request, None).of_known_good(true);
        check.check(&lock(), &[]).is_ok()
    };
    assert!(check("lib==2.0 --hash=sha256:NONE"));
    assert!(!check("lib==1.0 --hash=sha256:NONE"));
    assert_ne!(said(&request("lib==2.0 --hash=sha256:NONE")), "right");
}

#[test]
fn the_file_is_read_only_where_its_sha256_says_nothing() {
    let all = FileHash::all_of(&mut &b"wheel"[..]).unwrap();
    let asked = Cell::new(0);
    let digests = |_: &Artifact| {
        asked.set(asked.get() + 1);
        Ok(all.to_vec())
    };
    let check = |hashes: String| {
        let request = request(&format!("lib==1.0 {hashes}"));
        let check = HashCheck::new(&request, Some(&digests));
        check.check(&lock(), &[]).is_ok()
    };
    assert!(check("--hash=sha256:WHEEL".to_owned()));
    assert!(check(format!("--hash=sha256:WHEEL --hash={}", all[2])));
    assert!(!check("--hash=sha256:NONE".to_owned()));
    assert_eq!(asked.get(), 0);
    assert!(check(format!("--hash=sha256:NONE --hash={}", all[1])));
    assert!(!check(format!("--hash=sha512:{}", "0".repeat(128))));
    assert!(asked.get() > 0);
    // Nothing is known of it without the file.
    let request = request(&format!("lib==1.0 --hash=sha512:{}", "0".repeat(128)));
    assert!(HashCheck::new(&request, None).check(&lock(), &[]).is_ok());
}
