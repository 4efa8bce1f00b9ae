//! `pannier constraints convert`: constraints as a file that a pipeline includes.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use pannier_archive::{atomic, limited};
use pannier_base::secret::Exposed;
use pannier_core::constraints::{self, ConvertError, Converted, VARIABLE_LIMIT, VARIABLE_NEAR};
use pannier_core::renovate::Flow;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::super::table;

/// Write constraints as YAML that other pipelines can include
///
/// The variable PANNIER_CONSTRAINTS_TEXT contains the whole file, so jobs need no checkout of it. A hidden key lists the parsed lines
/// for other tools.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier constraints convert                    # constraints/constraints.txt -> constraints/constraints.yml\n  pannier constraints convert --check            # exit with 5 and show a diff if the YAML is out of date\n  pannier constraints convert pins.txt -o -      # to standard output\n\nIn .gitlab-ci.yml of another project:\n  include: [{project: platform/constraints, file: constraints/constraints.yml}]"
)]
pub(super) struct Arguments {
    /// Convert these constraints
    ///
    /// [default: those of pannier.yml, else constraints/constraints.txt]
    #[arg(value_name = "IN")]
    input: Option<PathBuf>,
    /// Write the YAML here; `-` is standard output [default: that of the constraints, as .yml]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write nothing; show what would change and exit with 5
    #[arg(long)]
    check: bool,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} is out of date: it is not what {} converts to", output.display(), input.display())]
#[diagnostic(help("run `{command}` and commit the file"))]
struct Drifted {
    input: PathBuf,
    output: PathBuf,
    command: String,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {}", path.display())]
#[diagnostic(help("check that this user may write there and that the disk is not full"))]
struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let input = super::files::file(arguments.input.as_ref(), context)?;
    let beside = || PathBuf::from(Flow::converted_beside(&input.display().to_string()));
    let output = arguments.output.clone().unwrap_or_else(beside);
    let converted = convert(&input, &output, context)?;
    if converted.variable > VARIABLE_NEAR {
        context.reporter().warn(
            format!(
                "{} takes {} of the {} bytes that an environment variable may have",
                input.display(),
                converted.variable,
                VARIABLE_LIMIT
            ),
            Some("above that limit, jobs that include it cannot start a process: shorten comments, or move constraints of \
            other teams to another file".to_owned()),
        );
    }
    if output == Path::new("-") {
        return context.print_exact("constraints.yml", &converted.yaml);
    }
    let full = context.folder.join(&output);
    let there = match limited::read(&full, limited::LIST) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => {
            let error = ConvertError::Read {
                path: output,
                source,
            };
            return Err(Failure::new(Exit::Failed, error));
        }
    };
    let fits = there.as_ref() == Some(&converted.yaml);
    if arguments.check && !fits {
        context.print(&difference(
            &there.unwrap_or_default(),
            &converted.yaml,
            &output,
        ))?;
        let command = super::files::convert_command(&input, &output);
        let error = Drifted {
            input,
            output,
            command,
        };
        return Err(Failure::new(Exit::Drift, error));
    }
    if !fits {
        Exposed::check(&output.display().to_string(), &converted.yaml)
            .map_err(|error| Failure::new(Exit::Failed, error))?;
        atomic::write(&full, converted.yaml.as_bytes(), None)
            .map_err(|source| unwritable(&output, source))?;
    }
    context.print(&summary(&converted, &output, fits))
}

/// Converts the file, as it is now.
pub(super) fn convert(
    input: &Path,
    output: &Path,
    context: &Context,
) -> Result<Converted, Failure> {
    let read = |path: &Path| limited::read(&context.folder.join(path), limited::LIST);
    let folder = match output == Path::new("-") {
        true => input.parent(),
        false => output.parent(),
    };
    constraints::convert(input, folder.unwrap_or(Path::new("")), &read).map_err(|error| {
        let exit = match &error {
            ConvertError::TooLarge { .. } => Exit::Failed,
            ConvertError::Read { .. } | ConvertError::Lines(_) => Exit::Usage,
        };
        Failure::new(exit, error)
    })
}

fn difference(there: &str, wanted: &str, path: &Path) -> String {
    let diff = TextDiff::from_lines(there, wanted);
    let path = path.display();
    let headers = (format!("{path} (current)"), format!("{path} (converted)"));
    diff.unified_diff()
        .context_radius(3)
        .header(&headers.0, &headers.1)
        .to_string()
}

fn summary(converted: &Converted, output: &Path, fits: bool) -> String {
    let count = match converted.count {
        1 => "1 constraint".to_owned(),
        more => format!("{more} constraints"),
    };
    let output = output.display();
    let size = table::bytes(converted.variable as u64);
    match fits {
        true => format!("{output} is up to date ({count})\n"),
        false => format!("wrote {output} ({count}, {size} as a variable)\n"),
    }
}

/// The failure of a file that cannot be written.
fn unwritable(path: &Path, source: io::Error) -> Failure {
    let path = path.to_owned();
    Failure::new(Exit::Failed, Unwritable { path, source })
}
