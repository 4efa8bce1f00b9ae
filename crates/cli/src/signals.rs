//! SIGINT and SIGTERM: the run is cancelled, its children are killed, a push that is on its way finishes, unfinished files go. Then
//! the process ends by the signal, as shells and GitLab expect.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use pannier_archive::abort;
use pannier_base::cancel::Cancel;

/// How long the run may take to end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// The signal that has come; zero: none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Held by whoever ends the process.
static END: Mutex<()> = Mutex::new(());

/// Cancels the run at the first signal, and ends the process soon after if it does not end by itself. A second signal ends it at once.
pub(super) fn listen(cancel: &Cancel) {
    // Without the handler the signals end the process at once, as they always did.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        let mut signals = signals.forever();
        if let Some(signal) = signals.next() {
            SIGNAL.store(signal, Ordering::SeqCst);
            cancel.cancel();
            std::thread::spawn(move || {
                cancel.wait_for_protected(GRACE);
                end();
            });
        }
        // A second signal does not wait for a push.
        if signals.next().is_some() {
            end();
        }
    });
}

/// Ends the process by the signal that has come, if one has: what a cancelled run reports is of no interest.
pub(super) fn end() {
    let signal = SIGNAL.load(Ordering::SeqCst);
    if signal == 0 {
        return;
    }
    // The other thread waits here for the end.
    let _held = END.lock();
    abort::clean();
    let name = if signal == SIGINT {
        "SIGINT"
    } else {
        "SIGTERM"
    };
    let _ = writeln!(std::io::stderr(), "error: cancelled by {name}");
    let _ = emulate_default_handler(signal);
}
