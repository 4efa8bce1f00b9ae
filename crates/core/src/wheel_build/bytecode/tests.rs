//! Compiling the modules of a wheel: by a real interpreter where one is available, and kept under what decided the result.

use super::*;
use pannier_archive::zip::Writer;

/// A wheel of the store with these files.
fn wheel(store: &Store, files: &[(&str, &str)]) -> StoredWheel {
    let mut record = String::from("demo-1.0.dist-info/RECORD,,\n");
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let about = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let own = [
        ("demo-1.0.dist-info/METADATA", metadata),
        ("demo-1.0.dist-info/WHEEL", about),
    ];
    let incoming = store.incoming().unwrap().fill(|file| {
        let mut out = Writer::new(file);
        for (path, text) in files.iter().chain(&own) {
            out.bytes(path, false, text.as_bytes()).unwrap();
            let row = pannier_archive::wheel::RecordRow::of(
                (*path).to_owned(),
                &Digest::of(text.as_bytes()),
                text.len() as u64,
            );
            let rows = vec![row];
            record += &pannier_archive::wheel::Record { rows }.to_text();
        }
        out.bytes("demo-1.0.dist-info/RECORD", false, record.as_bytes())
            .unwrap();
        out.finish().unwrap();
        Ok::<_, StoreError>(())
    });
    let name = "demo-1.0-py3-none-any.whl".parse().unwrap();
    store
        .admit_wheel(incoming.unwrap(), &name, None.into())
        .unwrap()
}

fn here() -> Compiler {
    let search: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    let python = pannier_clients::python::first(&search).unwrap();
    let described = pannier_clients::python::describe(
        &python,
        &pannier_clients::child::ChildEnvironment::default(),
    )
    .unwrap();
    Compiler::at(&described.interpreter, &Cancel::default()).unwrap()
}

const FILES: [(&str, &str); 5] = [
    (
        "demo/__init__.py",
        "NAMES = frozenset({'a', 'b', 'c', 'd'})\n\ndef fail():\n    raise ValueError('x')\n",
    ),
    (
        "demo/os.py",
        "raise SystemExit('nothing of a wheel is run')\n",
    ),
    ("demo/template.py", "{% not python %}\n"),
    ("demo-1.0.data/purelib/placed.py", "x = 1\n"),
    ("demo-1.0.data/scripts/tool.py", "x = 1\n"),
];

fn content(data: &StoredData) -> Vec<(String, Vec<u8>)> {
    let file = fs::File::open(&data.path).unwrap();
    let entries = data.pack.iter().filter_map(|entry| match entry.content {
        Content::File { stream, .. } => Some((
            entry.path.to_owned(),
            zip::read_entry(&file, &stream).unwrap(),
        )),
        _ => None,
    });
    entries.collect()
}

#[test]
fn modules_are_compiled_once_the_same_everywhere_and_without_paths() {
    let compiler = here();
    let mut seen = Vec::new();
    for name in ["one", "another folder"] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(name)).unwrap();
        let wheel = wheel(&store, &FILES);
        let first = compiler
            .compile(&wheel, &store, &Cancel::default())
            .unwrap();
        let again = compiler
            .compile(&wheel, &store, &Cancel::default())
            .unwrap();
        assert_eq!(first.path, again.path);
        seen.push(content(&first));
    }
    assert!(seen[0] == seen[1]);
    let tag = &compiler.tag;
    let paths: Vec<&str> = seen[0].iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "demo/__pycache__/__init__",
        "demo/__pycache__/os",
        "__pycache__/placed",
    ];
    assert_eq!(paths, expected.map(|stem| format!("{stem}.{tag}.pyc")));
    for (path, bytes) in &seen[0] {
        // PEP 552: flags 1, hash-based and unchecked.
        assert_eq!(bytes[4..8], [1, 0, 0, 0], "{path}");
        assert!(
            !bytes
                .windows(5)
                .any(|run| run == b"/tmp/" || run == b"sourc"),
            "{path}"
        );
    }
}

/// The interpreter takes the bytecode: even where the source says something else meanwhile, and tells the real path.
#[test]
fn python_imports_it() {
    let compiler = here();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let wheel = wheel(&store, &FILES);
    let site = folder.path().join("site");
    for (path, bytes) in content(
        &compiler
            .compile(&wheel, &store, &Cancel::default())
            .unwrap(),
    ) {
        let path = site.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let changed = FILES[0].1.replace("ValueError", "KeyError  ");
    fs::write(site.join("demo/__init__.py"), changed).unwrap();
    let script = "import demo, sys, traceback\ntry:\n    demo.fail()\nexcept ValueError as error:\n    \
        print(traceback.extract_tb(error.__traceback__)[-1].filename)";
    let output = interpreter(&compiler.interpreter)
        .args(["-c", script])
        .current_dir(&site)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said.trim(),
        site.canonicalize()
            .unwrap()
            .join("demo/__init__.py")
            .to_str()
            .unwrap()
    );
}

#[test]
fn bytecode_that_the_wheel_brings_stays_its_own() {
    let compiler = here();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let path = format!("demo/__pycache__/__init__.{}.pyc", compiler.tag);
    let wheel = wheel(
        &store,
        &[
            ("demo/__init__.py", "x = 1\n"),
            ("demo/b.py", "y = 1\n"),
            (&path, "brought"),
        ],
    );
    let compiled = content(
        &compiler
            .compile(&wheel, &store, &Cancel::default())
            .unwrap(),
    );
    assert_eq!(compiled.len(), 1);
    assert!(compiled[0].0.starts_with("demo/__pycache__/b."));
}

#[test]
fn what_is_no_python_is_named() {
    let error = Compiler::at(Path::new("/bin/false"), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("/bin/false"), "{error}");
    let error = Compiler::at(Path::new("/nonexistent"), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}
