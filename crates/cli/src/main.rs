//! The binary: hands arguments and environment to [`pannier::cli`] and exits with what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    give_memory_back();
    pannier::main()
}

/// Tells the allocator of glibc to keep no memory that is not in use: by itself it gives each thread an arena of its own and
/// holds on to what is freed there, so that a wheel of many files costs its lists once for each thread that has seen them.
/// (Other C libraries have no such arenas.)
#[cfg(target_env = "gnu")]
fn give_memory_back() {
    /// glibc's own default, which would otherwise grow with every long list that is freed.
    const LARGE: libc::c_int = 128 << 10;
    let settings = [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, LARGE),
        (libc::M_TRIM_THRESHOLD, LARGE),
    ];
    for (setting, value) in settings {
        // SAFETY: mallopt(3) may be called at any time and touches the allocator's settings alone; no other thread runs yet.
        // Where a setting is refused (0) the default stands, which is no fault.
        unsafe { libc::mallopt(setting, value) };
    }
}

#[cfg(not(target_env = "gnu"))]
fn give_memory_back() {}
