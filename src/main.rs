//! The binary: hands arguments and environment to [`pannier::cli`] and exits with what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    pannier::cli::main()
}
