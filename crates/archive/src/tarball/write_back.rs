//! A file on its way to the disk while it is still being written, so that little is left to wait for at its end.
//!
//! Syncs from a thread of its own, again and again; does not guarantee that the file is complete. The code that renames it
//! syncs it
//! once more.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes after which the disk is given what there is: long enough that the disk is kept busy by each call, short enough
/// that the last one has little to do.
const STEP: u64 = 8 << 20;

/// Passes bytes on to a file and nudges the thread that syncs it. Flushing tells what syncing gave: the system tells an error of
/// the disk once for all handles that are one, so nobody else would hear of it.
pub(super) struct WriteBack {
    file: File,
    since: u64,
    syncer: Option<Syncer>,
}

/// Started with the first full step: small files need none.
struct Syncer {
    nudge: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl WriteBack {
    pub(super) const fn new(file: File) -> Self {
        Self {
            file,
            since: 0,
            syncer: None,
        }
    }

    fn step(&mut self) -> io::Result<()> {
        let syncer = match &self.syncer {
            Some(syncer) => syncer,
            None => self.syncer.insert(Syncer::start(self.file.try_clone()?)),
        };
        // One nudge that waits is enough: whatever has been written by then is synced.
        let _ = syncer.nudge.try_send(());
        Ok(())
    }
}

impl Syncer {
    fn start(file: File) -> Self {
        let (nudge, nudged) = sync_channel(1);
        let thread = std::thread::spawn(move || sync(&file, &nudged));
        Self { nudge, thread }
    }
}

fn sync(file: &File, nudged: &Receiver<()>) -> io::Result<()> {
    nudged.iter().try_for_each(|()| file.sync_data())
}

impl Write for WriteBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.since += written as u64;
        if self.since >= STEP {
            self.since = 0;
            self.step()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(Syncer { nudge, thread }) = self.syncer.take() else {
            return Ok(());
        };
        drop(nudge);
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that syncs has failed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_arrives() {
        for length in [0, 5, STEP - 1, STEP, 3 * STEP + 7] {
            let file = tempfile::tempfile().unwrap();
            let mut writer = WriteBack::new(file.try_clone().unwrap());
            let bytes = vec![7; length as usize];
            for chunk in bytes.chunks(1 << 20) {
                writer.write_all(chunk).unwrap();
            }
            writer.flush().unwrap();
            assert_eq!(file.metadata().unwrap().len(), length);
        }
    }

    #[test]
    fn an_error_of_the_disk_is_told() {
        let (nudge, nudged) = sync_channel(1);
        nudge.send(()).unwrap();
        drop(nudge);
        // A pipe cannot be synced.
        let (read, _write) = std::io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(read));
        assert!(sync(&file, &nudged).is_err());
    }
}
