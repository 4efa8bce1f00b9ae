//! From values to a request: each rule once, and what the errors look like.

mod api;
mod digest;
mod effective;
mod file;
mod images;
mod overrides;
mod projects;
mod releases;

use std::io;
use std::path::{Path, PathBuf};

use crate::file::ConfigFile;
use crate::{
    ConfigError, Configuration, Environment, Flags, HereImage, Inputs, LoadedFile, LogSettings,
    configure, log_settings,
};

/// The example of the documentation, with three kinds of everything.
const EXAMPLE: &str = "\
git_base: https://gitlab.example.com/platform
packages:
  - job-tools
  - other/lib@v2
  - job-report[html] @ git+https://git.example.org/x/job-report.git@main#subdirectory=py
  - ./packages/local-tool
requirements: [\"requests>=2.31\", PyYAML]
data: [job-data, ./data/tables]
images:
  builder:
    image: registry.example.com/builder:production
    python: 3.10
    platform: x86_64-manylinux_2_41
    interpreter: /usr/bin/python3.10
  small:
    python: \"3.13\"
    platform: linux/arm64-musllinux_1_2
    interpreter: /usr/local/bin/python3
    packages: [job-tools]
    requirements: []
    data: []
";

/// A case: what goes into a configuration.
#[derive(Default)]
struct Case {
    file: Option<String>,
    environment: Environment,
    flags: Flags,
    files: Vec<(&'static str, &'static str)>,
    netrc: Option<String>,
    current: Option<&'static str>,
}

impl Case {
    fn file(text: &str) -> Self {
        Self {
            file: Some(text.to_owned()),
            ..Self::default()
        }
    }

    fn run(self) -> Result<Configuration, ConfigError> {
        self.with(configure)
    }

    /// The settings of the release log, or what is said when there are none.
    fn book(self) -> Result<LogSettings, String> {
        self.with(|inputs| log_settings(&inputs)).map_err(report)
    }

    fn with<T>(
        self,
        work: impl FnOnce(Inputs<'_>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let files = self.files;
        let read = move |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
        };
        let file = self.file.map(|text| {
            let path = PathBuf::from("pannier.yml");
            ConfigFile::parse(&text, &path).map(|content| LoadedFile { path, content })
        });
        work(Inputs {
            file: file.transpose()?,
            root: Path::new("/project"),
            current: Path::new(self.current.unwrap_or("/project")),
            environment: &self.environment,
            flags: &self.flags,
            read: &read,
            netrc: self.netrc,
        })
    }

    /// The configuration as its table, one line per value.
    fn table(self) -> String {
        let shown = self.run().map_err(report).unwrap().shown();
        let lines = shown.table().into_iter().map(|[key, value, origin]| {
            format!("{key:28} | {value:60} | {origin}")
                .trim_end()
                .to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What is said when there is no configuration.
    fn error(self) -> String {
        report(self.run().expect_err("no configuration"))
    }
}

/// A report as the rim would give it: message, causes, hint.
fn report(error: ConfigError) -> String {
    let mut text = String::new();
    let handler = miette::NarratableReportHandler::new();
    handler.render_report(&mut text, &error).unwrap();
    text.trim().to_owned()
}

fn machine() -> HereImage {
    HereImage {
        target: pannier_base::platform::Target {
            python: "3.11.2".parse().unwrap(),
            platform: "x86_64-manylinux_2_36".parse().unwrap(),
        },
        interpreter: "/usr/bin/python3.11".into(),
        image: None,
    }
}
