//! Fetching the pinned uv: one wheel, known by its digest, from the configured index or from where pip finds it.
//!
//! Refuses any file whose SHA-256 is not in the table below, from any server.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::{NamedTempFile, TempDir};

use super::finder::Finder;
use super::simple;
use super::version::PINNED_VERSION;
use crate::child;
use crate::http::DownloadSink;
use pannier_archive::entries::PackEntry;
use pannier_archive::zip;
use pannier_base::digest::{Digest, Hasher};
use pannier_base::event::Event;
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

/// One wheel of the pinned uv.
struct Pin {
    arch: &'static str,
    musl: bool,
    platform: &'static str,
    sha256: &'static str,
}

/// What Pannier itself was built for runs here, so uv for the same does too.
const PINS: [Pin; 4] = [
    Pin {
        arch: "x86_64",
        musl: false,
        platform: "manylinux_2_17_x86_64.manylinux2014_x86_64",
        sha256: "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    },
    Pin {
        arch: "x86_64",
        musl: true,
        platform: "musllinux_1_1_x86_64",
        sha256: "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    },
    Pin {
        arch: "aarch64",
        musl: false,
        platform: "manylinux_2_28_aarch64",
        sha256: "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    },
    Pin {
        arch: "aarch64",
        musl: true,
        platform: "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        sha256: "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    },
];

impl Pin {
    fn here() -> Option<&'static Self> {
        let musl = cfg!(target_env = "musl");
        PINS.iter()
            .find(|pin| pin.arch == std::env::consts::ARCH && pin.musl == musl)
    }

    fn file_name(&self) -> String {
        format!("uv-{PINNED_VERSION}-py3-none-{}.whl", self.platform)
    }

    fn digest(&self) -> Digest {
        self.sha256.parse().expect("the table holds digests")
    }
}

/// Why the pinned uv could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the network is disabled (--offline)")]
    Offline,
    #[error("no wheel of it is pinned for {0}")]
    NoPin(&'static str),
    #[error("the index `{index}` does not list `{name}`")]
    NotListed { index: String, name: String },
    #[error("cannot query the index `{index}` for it")]
    Index {
        index: String,
        source: Box<crate::http::HttpError>,
    },
    #[error("`{url}` has the SHA-256 digest {found}, expected {expected}")]
    Digest {
        url: String,
        found: Digest,
        expected: Digest,
    },
    #[error("no index is configured, and pip cannot fetch it: {0}")]
    Pip(String),
    #[error("its wheel is refused")]
    Zip(#[source] zip::ZipError),
    #[error("its wheel does not contain the program `uv`")]
    NoProgram,
    #[error("it could not be stored")]
    Io(#[from] io::Error),
}

/// Puts the pinned uv at `program`, whole or not at all.
pub(super) fn fetch(program: &Path, finder: &Finder<'_>) -> Result<(), FetchError> {
    let pin = Pin::here().ok_or(FetchError::NoPin(std::env::consts::ARCH))?;
    if finder.around.offline {
        return Err(FetchError::Offline);
    }
    // One at a time, threads and processes alike: those that waited use what the other has fetched.
    let before = inode(program);
    let folder = program.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let turnstile = File::create(folder.join(".lock"))?;
    turnstile.lock()?;
    replace(program, before, pin, finder)
}

/// Fetches the program unless it has been replaced since it was the file `before`.
fn replace(
    program: &Path,
    before: Option<u64>,
    pin: &Pin,
    finder: &Finder<'_>,
) -> Result<(), FetchError> {
    let now = inode(program);
    if now.is_some() && now != before {
        return Ok(());
    }
    let folder = program.parent().unwrap_or(Path::new("."));
    let wheel = match finder.around.index.iter().next() {
        Some(_) => from_index(pin, finder, folder)?,
        None => from_pip(pin, finder, folder)?,
    };
    keep(&wheel, program, folder)
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}

/// The wheel from the first configured index that lists it.
fn from_index(pin: &Pin, finder: &Finder<'_>, folder: &Path) -> Result<File, FetchError> {
    let mut failure = None;
    for index in finder.around.index.iter() {
        match from_one_index(pin, index, finder, folder) {
            Ok(file) => return Ok(file),
            Err(why) => failure = Some(why),
        }
    }
    Err(failure.expect("there is a configured index"))
}

fn from_one_index(
    pin: &Pin,
    index: &SafeUrl,
    finder: &Finder<'_>,
    folder: &Path,
) -> Result<File, FetchError> {
    let failed = |source| FetchError::Index {
        index: index.to_string(),
        source: Box::new(source),
    };
    let name = pin.file_name();
    let not_listed = || FetchError::NotListed {
        index: index.to_string(),
        name: name.clone(),
    };
    let uv = "uv".parse().expect("`uv` is a name");
    let page = simple::page_of(index, &uv).ok_or_else(not_listed)?;
    let text = finder.client.text(&page, simple::ACCEPT).map_err(failed)?;
    let url = simple::file_url(&page, &text, &name).ok_or_else(not_listed)?;
    let mut sink = Sink::new(tempfile::tempfile_in(folder)?);
    let progress = |bytes| finder.reporter.report(Event::Downloaded { bytes });
    finder
        .client
        .download(&url, &mut sink, &progress)
        .map_err(failed)?;
    let (file, found) = sink.finish()?;
    check(url.to_string(), found, pin)?;
    Ok(file)
}

/// The wheel from where pip finds packages; pip checks the digest, and so do we.
fn from_pip(pin: &Pin, finder: &Finder<'_>, folder: &Path) -> Result<File, FetchError> {
    let work = TempDir::new_in(folder)?;
    let wanted = work.path().join("requirements.txt");
    fs::write(
        &wanted,
        format!("uv=={PINNED_VERSION} --hash=sha256:{}\n", pin.sha256),
    )?;
    let mut said = Vec::new();
    for pip in pips(finder) {
        let mut arguments = pip;
        arguments.extend(
            [
                "download",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--no-input",
                "-q",
                "-r",
            ]
            .map(OsString::from),
        );
        arguments.push(wanted.clone().into());
        arguments.push("-d".into());
        arguments.push(work.path().into());
        // pip's own settings name its index, and only pip gets them.
        match python(finder, &arguments, &finder.around.variables.of_pip()) {
            Ok(_) => {
                let mut file = File::open(work.path().join(pin.file_name()))?;
                let (found, _) = Digest::of_reader(&mut file)?;
                check(pin.file_name(), found, pin)?;
                return Ok(file);
            }
            Err(why) => said.push(why),
        }
    }
    Err(FetchError::Pip(said.join("; ")))
}

/// Ways to run pip: the installed one, then the one that comes with Python for its `ensurepip`.
fn pips(finder: &Finder<'_>) -> Vec<Vec<OsString>> {
    const BUNDLED: &str = "import ensurepip, pathlib\n\
                           for p in sorted((pathlib.Path(ensurepip.__file__).parent / '_bundled').glob('pip-*.whl')): print(p)";
    let mut ways = vec![vec![OsString::from("-m"), OsString::from("pip")]];
    let environment = finder.around.variables.variables();
    if let Ok(said) = python(finder, &["-c".into(), BUNDLED.into()], environment)
        && let Some(wheel) = said.lines().last()
    {
        ways.push(vec![PathBuf::from(wheel).join("pip").into()]);
    }
    ways
}

/// Runs `python3` with this environment.
fn python(
    finder: &Finder<'_>,
    arguments: &[OsString],
    environment: &BTreeMap<String, String>,
) -> Result<String, String> {
    let program = finder
        .path
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("python3"))
        .find(|path| path.is_file());
    let program = program.ok_or("there is no python3 on PATH")?;
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment)
        // `-m` and `-c` look for modules in the working folder first: a `pip.py` of the user's project is not ours to run.
        .current_dir(finder.store)
        .stdin(Stdio::null());
    let output = child::output(&mut command, finder.around.variables.cancel())
        .map_err(|why| format!("`{}` cannot be started: {why}", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it prints nothing");
    Err(scrub(last.trim()))
}

fn check(url: String, found: Digest, pin: &Pin) -> Result<(), FetchError> {
    let expected = pin.digest();
    match found == expected {
        true => Ok(()),
        false => Err(FetchError::Digest {
            url,
            found,
            expected,
        }),
    }
}

/// Takes the program out of its wheel and renames it into place.
fn keep(wheel: &File, program: &Path, folder: &Path) -> Result<(), FetchError> {
    let pack = zip::verify(wheel, &zip::Rules::default()).map_err(FetchError::Zip)?;
    let inside = format!("uv-{PINNED_VERSION}.data/scripts/uv");
    let Some(stream) = pack.find(&inside).and_then(PackEntry::stream) else {
        return Err(FetchError::NoProgram);
    };
    let bytes = zip::read_entry(wheel, stream)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o755))?;
    file.as_file().sync_all()?;
    // The descriptor is closed before the rename: a program that is open for writing cannot be started.
    file.into_temp_path()
        .persist(program)
        .map_err(|why| why.error)?;
    Ok(())
}

/// A file that is digested while it is written.
struct Sink {
    file: File,
    hasher: Hasher,
}

impl Sink {
    fn new(file: File) -> Self {
        Self {
            file,
            hasher: Hasher::default(),
        }
    }

    fn finish(mut self) -> io::Result<(File, Digest)> {
        self.file.flush()?;
        Ok((self.file, self.hasher.finish()))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DownloadSink for Sink {
    fn reset(&mut self) -> io::Result<()> {
        self.hasher = Hasher::default();
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_digest_and_names_differ() {
        let mut names: Vec<_> = PINS.iter().map(Pin::file_name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), PINS.len());
        assert!(
            PINS.iter()
                .all(|pin| pin.digest().to_string() == pin.sha256)
        );
    }

    #[test]
    fn python_does_not_run_in_the_users_folder() {
        let store = tempfile::tempdir().unwrap();
        let path: Vec<PathBuf> =
            std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
        let finder = Finder {
            named: None,
            path: &path,
            store: store.path(),
            client: &crate::http::Client::new(crate::http::Credentials::default()),
            around: &crate::uv::Surroundings::default(),
            reporter: &pannier_base::event::Silent,
        };
        fs::write(store.path().join("marker.py"), "print('found')").unwrap();
        let said = python(&finder, &["-m".into(), "marker".into()], &BTreeMap::new()).unwrap();
        assert_eq!(said.trim(), "found");
    }

    #[test]
    fn what_another_has_fetched_meanwhile_is_taken() {
        let store = tempfile::tempdir().unwrap();
        let finder = Finder {
            named: None,
            path: &[],
            store: store.path(),
            client: &crate::http::Client::new(crate::http::Credentials::default()),
            around: &crate::uv::Surroundings::default(),
            reporter: &pannier_base::event::Silent,
        };
        let program = store.path().join("uv");
        fs::write(&program, "").unwrap();
        let pin = &PINS[0];
        assert!(replace(&program, None, pin, &finder).is_ok());
        // One that was there before is of no use, else nobody would fetch.
        let before = inode(&program);
        assert!(replace(&program, before, pin, &finder).is_err());
    }

    #[test]
    fn a_restarted_download_is_digested_from_its_new_start() {
        let mut sink = Sink::new(tempfile::tempfile().unwrap());
        sink.write_all(b"half a bo").unwrap();
        sink.reset().unwrap();
        sink.write_all(b"body").unwrap();
        let (file, digest) = sink.finish().unwrap();
        assert_eq!(digest, Digest::of(b"body"));
        assert_eq!(file.metadata().unwrap().len(), 4);
    }
}
