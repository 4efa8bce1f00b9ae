//! `pannier renovate`: Renovate's configuration for a repository that holds constraints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use pannier_archive::limited;
use pannier_archive::wheel::WheelFilename;
use pannier_base::name::PackageName;
use pannier_config::file::ConfigFile;
use pannier_core::constraints;
use pannier_core::lock::model::{LockedPackage, LockedSource};
use pannier_core::renovate::{self, Checked, Flow, Group, Needs};
use pannier_core::store::Store;

use super::context::{Context, StoreOption};
use super::exit::Exit;
use super::report::Failure;
use super::table::{Align, Table};
use crate::options::Format;

/// Print or check the configuration with which Renovate updates constraints
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Config(Config),
}

/// Print a renovate.json, or check an existing one
///
/// Renovate updates pins on weekends and runs `pannier constraints convert` in the same branch; `pannier gate` checks the change.
/// The lock and the wheels in the store show which packages only resolve together.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier renovate config --timezone Europe/Berlin > renovate.json\n  pannier renovate config --check          # exit with 5 if renovate.json lacks something\n  pannier renovate config --check --format json .gitlab/renovate.json"
)]
struct Config {
    /// The configuration to check, with --check [default: renovate.json]
    #[arg(value_name = "FILE", requires = "check")]
    file: Option<PathBuf>,
    /// Check an existing configuration; exit with 5 if it lacks something
    #[arg(long)]
    check: bool,
    /// Set the team's time zone, such as Europe/Berlin [env: TZ] [default: UTC]
    #[arg(long, value_name = "NAME")]
    timezone: Option<String>,
    /// Set the path of the constraints in the repository
    ///
    /// [default: that of pannier.yml, else constraints/constraints.txt]
    #[arg(long, value_name = "FILE")]
    constraints: Option<String>,
    /// Set the path of the converted constraints [default: that of the constraints, as .yml]
    #[arg(long, value_name = "FILE")]
    converted: Option<String>,
    /// Read from this lock which packages only resolve together [default: pylock.toml]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Name another file that pins uv; repeat the flag for more
    ///
    /// Renovate finds it in .gitlab-ci.yml, .ci/ and Dockerfiles without this flag.
    #[arg(long, value_name = "FILE")]
    uv_pin: Vec<String>,
    #[command(flatten)]
    store: StoreOption,
    /// Print the result of --check in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum RenovateError {
    #[error("cannot read {path}")]
    #[diagnostic(help("{help}"))]
    Read {
        path: PathBuf,
        help: &'static str,
        source: std::io::Error,
    },
    #[error("`{0}` is not the name of a time zone")]
    #[diagnostic(help("write a name of the IANA database, such as Europe/Berlin or UTC"))]
    Timezone(String),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let Verb::Config(config) = &arguments.verb;
    let flow = flow(config, context)?;
    if !config.check {
        context.print_file(&renovate::render(&flow))?;
        context.note(
            "The administrator of Renovate has to allow the converter, in its own configuration:",
        );
        context.note(&format!("  {}", flow.allowed_commands()));
        return Ok(());
    }
    let file = config.file.clone();
    let path = file.unwrap_or_else(|| PathBuf::from("renovate.json"));
    let text = read(&context.folder, &path, "pass the file after --check")?;
    let checked =
        renovate::check(&text, &flow).map_err(|error| Failure::new(Exit::Usage, error))?;
    match config.format {
        Format::Json => context.print_json(&checked)?,
        Format::Text => context.print(&shown(&checked, &path))?,
    }
    if checked.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::silent(Exit::Drift))
    }
}

fn shown(checked: &Checked, path: &Path) -> String {
    let path = path.display();
    let mut text = match checked.findings.len() {
        0 => format!("{path} is complete\n"),
        1 => format!("{path} lacks 1 thing\n"),
        more => format!("{path} lacks {more} things\n"),
    };
    let mut table = Table::new(&[("rule", Align::Left), ("problem", Align::Left)]);
    for finding in &checked.findings {
        table.row([finding.rule.to_string(), finding.problem.clone()]);
    }
    if !checked.findings.is_empty() {
        text += &table.render();
        text += "to fix it:\n";
    }
    for finding in &checked.findings {
        text += &format!("  {}: {}\n", finding.rule, finding.fix);
    }
    text
}

fn flow(config: &Config, context: &Context) -> Result<Flow, Failure> {
    let constraints = match &config.constraints {
        Some(path) => path.clone(),
        None => configured(context)?.unwrap_or_else(|| renovate::CONSTRAINTS.to_owned()),
    };
    let converted = config.converted.clone();
    let converted = converted.unwrap_or_else(|| Flow::converted_beside(&constraints));
    let groups = if config.check {
        Vec::new()
    } else {
        groups(config, &constraints, context)?
    };
    Ok(Flow {
        timezone: timezone(config, context)?,
        uv_pins: config.uv_pin.clone(),
        constraints,
        converted,
        groups,
    })
}

/// The constraints that pannier.yml of the current folder names, seen from the folder.
pub(super) fn configured(context: &Context) -> Result<Option<String>, Failure> {
    let path = Path::new("pannier.yml");
    if !context.folder.join(path).is_file() {
        return Ok(None);
    }
    let text = read(&context.folder, path, "check that this user may read it")?;
    let file = ConfigFile::parse(&text, path).map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok(file.constraints.map(|path| path.display().to_string()))
}

fn timezone(config: &Config, context: &Context) -> Result<String, Failure> {
    let named = config.timezone.as_deref();
    // `:/etc/localtime` and the like say nothing to Renovate.
    let of_machine = || context.variable("TZ").filter(|zone| is_zone(zone));
    let zone = named.or_else(of_machine).unwrap_or("UTC");
    if is_zone(zone) {
        Ok(zone.to_owned())
    } else {
        let error = RenovateError::Timezone(zone.to_owned());
        Err(Failure::new(Exit::Usage, error))
    }
}

/// Whether the text looks like a name of the IANA database, which not every machine has.
fn is_zone(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
    };
    text == "UTC" || (text.contains('/') && text.split('/').all(word))
}

/// What only resolves together, as far as lock and store tell.
fn groups(config: &Config, constraints: &str, context: &Context) -> Result<Vec<Group>, Failure> {
    let standard = PathBuf::from("pylock.toml");
    let path = match &config.lock {
        Some(path) => path.clone(),
        None if context.folder.join(&standard).is_file() => standard,
        None => return Ok(Vec::new()),
    };
    let lock = super::lock::read(&context.folder.join(path), context)?;
    let held = held(constraints, context)?;
    let store = context.open_store(&config.store)?;
    let mut needs = Vec::new();
    let mut unknown = Vec::new();
    for package in &lock.packages {
        match requirements(package, &store) {
            Some(requirements) => needs.push(Needs {
                package: package.name.clone(),
                requirements,
            }),
            None if held.contains(&package.name) => unknown.push(package.name.to_string()),
            None => {}
        }
    }
    if !unknown.is_empty() {
        context.note(&format!(
            "the requirements of these packages are unknown, because the store has no wheel of them (run `pannier \
            prepare`): {}",
            unknown.join(", ")
        ));
    }
    Ok(renovate::groups(&held, &needs))
}

/// What any wheel of the package in the store asks for.
pub(super) fn requirements(package: &LockedPackage, store: &Store) -> Option<Vec<String>> {
    let LockedSource::Index { wheels, .. } = &package.source else {
        return None;
    };
    wheels.iter().find_map(|wheel| {
        let filename: WheelFilename = wheel.name.parse().ok()?;
        // A wheel that cannot be read any more counts as missing: nothing is built from it here.
        let stored = store.wheel(&filename, &wheel.sha256).ok()??;
        Some(stored.wheel.requires_dist.clone())
    })
}

/// The packages that the constraints hold.
fn held(path: &str, context: &Context) -> Result<BTreeSet<PackageName>, Failure> {
    let help = "set the file with --constraints";
    let folder = context.folder.clone();
    let reader = move |path: &Path| limited::read_text(&folder.join(path), limited::LIST);
    let mut loader = constraints::Loader::new(&reader, &context.variables);
    loader
        .constraints(Path::new(path))
        .map_err(|source| unreadable(Path::new(path), help, source))?;
    let found = loader
        .finish()
        .map_err(|errors| Failure::new(Exit::Usage, errors))?;
    let names = found.constraints.iter().map(|line| line.name());
    Ok(names.collect())
}

fn read(folder: &Path, path: &Path, help: &'static str) -> Result<String, Failure> {
    limited::read_text(&folder.join(path), limited::CONFIGURATION)
        .map_err(|source| unreadable(path, help, source))
}

fn unreadable(path: &Path, help: &'static str, source: std::io::Error) -> Failure {
    let path = path.to_owned();
    Failure::new(Exit::Usage, RenovateError::Read { path, help, source })
}
