//! What is shown of a panic: its message and place as usual, without secrets.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{PanicHookInfo, set_hook};

use pannier_base::secret::scrub;
use pannier_base::visible;

/// Takes the place of the hook of the standard library, which would repeat values that were being worked on.
pub(super) fn install() {
    set_hook(Box::new(|info| {
        // A closed stderr leaves the exit code to tell.
        let _ = write!(anstream::stderr().lock(), "{}", shown(info));
    }));
}

fn shown(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let thread = std::thread::current();
    let mut text = format!("thread '{}' panicked", thread.name().unwrap_or("<unnamed>"));
    if let Some(place) = info.location() {
        text += &format!(" at {place}");
    }
    text += &format!(":\n{}\n", message.unwrap_or("a value that is no text"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text += &format!("stack backtrace:\n{backtrace}");
    }
    visible::lines(&scrub(&text)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// A variable that turns the test below into the process that panics.
    const CHILD: &str = "PANNIER_TEST_PANIC";

    #[test]
    fn a_panic_shows_no_secret() {
        const SECRET: &str = "glpat-of/a panic";
        if std::env::var_os(CHILD).is_some() {
            pannier_base::secret::know(SECRET);
            super::install();
            panic!(
                "kept {SECRET:?}, {}, and https://u:pw@h/x",
                "glpat-of%2Fa%20panic"
            );
        }
        let name = std::thread::current().name().unwrap().to_owned();
        let child = Command::new(std::env::current_exe().unwrap())
            .args([name.as_str(), "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(
            said.contains("kept \"****\", ****, and https://****@h/x"),
            "{said}"
        );
        assert!(
            said.contains("panicked at crates/cli/src/panic.rs:"),
            "{said}"
        );
    }
}
