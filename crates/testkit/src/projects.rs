//! Python projects that build without any index: their backend lies in their own tree and needs nothing but Python.

/// A project: what its metadata says, and what its one module holds.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub requires: &'a [&'a str],
    /// Extra and what it needs.
    pub extras: &'a [(&'a str, &'a str)],
    /// Text of the module that is called like the project.
    pub module: &'a str,
}

impl Project<'_> {
    /// Its files, by path from its folder.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut requires: Vec<String> = self
            .requires
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        requires.extend(
            self.extras
                .iter()
                .map(|(extra, line)| format!("{line} ; extra == '{extra}'")),
        );
        let extras: Vec<&str> = self.extras.iter().map(|(extra, _)| *extra).collect();
        let described = serde_json::json!({
            "name": self.name, "version": self.version, "requires": requires, "extras": extras,
        });
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        vec![
            file(
                "pyproject.toml",
                "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
            ),
            file("backend.py", BACKEND),
            file("project.json", &described.to_string()),
            file(&format!("{}.py", self.name.replace('-', "_")), self.module),
        ]
    }
}

const BACKEND: &str = r#"
import base64, hashlib, json, os, zipfile


def build_wheel(folder, config_settings=None, metadata_directory=None):
    with open("project.json") as file:
        project = json.load(file)
    module = project["name"].replace("-", "_")
    stem = module + "-" + project["version"]
    info = stem + ".dist-info/"
    metadata = "Metadata-Version: 2.1\nName: %(name)s\nVersion: %(version)s\n" % project
    metadata += "".join("Provides-Extra: %s\n" % extra for extra in project["extras"])
    metadata += "".join("Requires-Dist: %s\n" % line for line in project["requires"])
    with open(module + ".py") as file:
        code = file.read()
    files = {
        module + ".py": code,
        info + "METADATA": metadata,
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += "%s,sha256=%s,%d\n" % (name, digest, len(text.encode()))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    wheel = stem + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return wheel
"#;
