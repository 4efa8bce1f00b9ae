//! Headers of a tar archive: ustar (POSIX.1-1988), with pax records (POSIX.1-2001) only where ustar cannot say it.
//!
//! Knows no owner, no user names and no clock: every header depends on path, kind and the given time alone.

/// Bytes of a header, and the unit to which everything is padded.
pub const BLOCK: usize = 512;

/// What ends an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Largest size that eleven octal digits hold: one byte less than 8 GiB.
const MAX_OCTAL: u64 = 0o777_7777_7777;

/// Modification time of every entry, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtime(u64);

impl Mtime {
    /// A time such as `SOURCE_DATE_EPOCH`; one too late for a ustar header (year 2242) becomes the latest that fits.
    #[must_use]
    pub fn from_epoch(seconds: u64) -> Self {
        Self(seconds.min(MAX_OCTAL))
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl Default for Mtime {
    /// 1980-01-01: extracted trees can be zipped again, and nobody takes it for a real time.
    fn default() -> Self {
        Self(315_532_800)
    }
}

/// One entry of the archive.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// Relative path, `/`-separated; folders without a trailing slash.
    pub path: &'a str,
    /// What is there.
    pub kind: Kind<'a>,
    /// Its time.
    pub mtime: Mtime,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// A folder (mode 0755).
    Directory,
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A symbolic link (mode 0777).
    Symlink {
        /// What it says.
        target: &'a str,
    },
}

impl Header<'_> {
    /// Appends the header, after its pax records where it needs some.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (flag, mode, size, link) = match self.kind {
            Kind::Directory => (b'5', 0o755, 0, ""),
            Kind::File { size, executable } => {
                (b'0', if executable { 0o755 } else { 0o644 }, size, "")
            }
            Kind::Symlink { target } => (b'2', 0o777, 0, target),
        };
        let mut path = self.path.to_owned();
        if flag == b'5' {
            path.push('/');
        }
        let mut records = Vec::new();
        if link.len() > 100 || !link.is_ascii() {
            record(&mut records, "linkpath", link);
        }
        let split = split_path(&path);
        if split.is_none() {
            record(&mut records, "path", &path);
        }
        if size > MAX_OCTAL {
            record(&mut records, "size", &size.to_string());
        }
        if !records.is_empty() {
            self.write_records(out, &records);
        }
        let mut block = Block::new(flag, mode, size, self.mtime);
        let (prefix, name) = split.unwrap_or(("", cut(&path, 100)));
        block.text(0, name);
        block.text(157, cut(link, 100));
        block.text(345, prefix);
        out.extend_from_slice(&block.finish());
    }

    /// The extended header (type `x`) that holds for the next entry.
    fn write_records(&self, out: &mut Vec<u8>, records: &[u8]) {
        let mut block = Block::new(b'x', 0o644, records.len() as u64, self.mtime);
        let name = format!("PaxHeaders/{}", self.path);
        block.text(0, cut(&name, 100));
        out.extend_from_slice(&block.finish());
        out.extend_from_slice(records);
        out.resize(out.len() + padding(records.len() as u64), 0);
    }
}

/// The header (type `g`) of `size` bytes of records that hold for the whole archive, named as git names its own.
pub fn global(size: u64, mtime: Mtime) -> [u8; BLOCK] {
    let mut block = Block::new(b'g', 0o644, size, mtime);
    block.text(0, "pax_global_header");
    block.finish()
}

/// How many zero bytes follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    let rest = (size % BLOCK as u64) as usize;
    (BLOCK - rest) % BLOCK
}

/// `path` as ustar's prefix (155 bytes) and name (100 bytes), if it fits and is ASCII; other texts are pax's to say.
fn split_path(path: &str) -> Option<(&str, &str)> {
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= 100 {
        return Some(("", path));
    }
    // The slash between the two is not stored; the name must not be empty.
    let first = path.len().checked_sub(101)?;
    let last = path.len().checked_sub(2)?.min(155);
    let at = (first..=last).find(|&at| path.as_bytes()[at] == b'/')?;
    (at > 0).then(|| (&path[..at], &path[at + 1..]))
}

/// The longest start of `text` that has at most `length` bytes.
fn cut(text: &str, length: usize) -> &str {
    let mut end = text.len().min(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Appends `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    out.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

/// A ustar header block in the making.
struct Block([u8; BLOCK]);

impl Block {
    fn new(flag: u8, mode: u32, size: u64, mtime: Mtime) -> Self {
        let mut block = Self([0; BLOCK]);
        block.octal(100, 7, mode.into());
        block.text(108, "0000000"); // uid
        block.text(116, "0000000"); // gid
        if size > MAX_OCTAL {
            // Base 256, as GNU has it: says the same as the pax record, so that no two readers disagree.
            block.0[124] = 0x80;
            block.0[128..136].copy_from_slice(&size.to_be_bytes());
        } else {
            block.octal(124, 11, size);
        }
        block.octal(136, 11, mtime.0);
        block.0[156] = flag;
        block.text(257, "ustar\x0000");
        block.text(329, "0000000"); // devmajor
        block.text(337, "0000000"); // devminor
        block
    }

    fn text(&mut self, at: usize, text: &str) {
        self.0[at..at + text.len()].copy_from_slice(text.as_bytes());
    }

    /// Exactly `digits` octal digits of a number that has no more.
    fn octal(&mut self, at: usize, digits: usize, mut number: u64) {
        for byte in self.0[at..at + digits].iter_mut().rev() {
            *byte = b'0' + (number % 8) as u8;
            number /= 8;
        }
    }

    /// Fills in the checksum: the sum of all bytes, its own field taken as blanks.
    fn finish(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        self.octal(148, 6, sum.into());
        self.text(154, "\0 ");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(path: &str, kind: Kind<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        Header {
            path,
            kind,
            mtime: Mtime::default(),
        }
        .write(&mut out);
        out
    }

    #[test]
    fn short_names_need_one_block() {
        let file = Kind::File {
            size: 5,
            executable: true,
        };
        let block = header("venv/bin/x", file);
        assert_eq!(block.len(), BLOCK);
        let parsed = tar::Header::from_byte_slice(&block);
        assert_eq!(parsed.path_bytes().as_ref(), b"venv/bin/x");
        assert_eq!(parsed.mode().unwrap(), 0o755);
        assert_eq!(parsed.size().unwrap(), 5);
        assert_eq!(parsed.mtime().unwrap(), 315_532_800);
        assert_eq!((parsed.uid().unwrap(), parsed.gid().unwrap()), (0, 0));
        assert_eq!(parsed.username().unwrap(), Some(""));
    }

    #[test]
    fn the_split_is_at_a_slash_or_not_at_all() {
        let name = |n: usize| "n".repeat(n);
        assert_eq!(split_path(&name(100)), Some(("", name(100).as_str())));
        assert_eq!(split_path(&name(101)), None);
        let long = format!("{}/{}", name(155), name(100));
        assert_eq!(split_path(&long), Some((&*name(155), &*name(100))));
        assert_eq!(split_path(&format!("{}/{}", name(156), name(100))), None);
        assert_eq!(split_path(&format!("{}/{}", name(155), name(101))), None);
        // A folder's slash at the end leaves no empty name.
        assert_eq!(split_path(&format!("{}/", name(120))), None);
        assert_eq!(split_path(&format!("/{}", name(100))), None);
        assert_eq!(split_path("é"), None);
    }

    #[test]
    fn sizes_from_8_gib_on_are_told_twice_and_equal() {
        let size = 8 << 30;
        let executable = false;
        let below = header(
            "x",
            Kind::File {
                size: size - 1,
                executable,
            },
        );
        assert_eq!(below.len(), BLOCK);
        assert_eq!(
            tar::Header::from_byte_slice(&below).size().unwrap(),
            size - 1
        );
        let at = header("x", Kind::File { size, executable });
        assert_eq!(at.len(), 3 * BLOCK);
        assert!(at[BLOCK..].starts_with(b"19 size=8589934592\n"));
        let last = tar::Header::from_byte_slice(&at[2 * BLOCK..]);
        assert_eq!(last.size().unwrap(), size);
    }

    #[test]
    fn records_count_their_own_length() {
        for length in 0..1100 {
            let mut out = Vec::new();
            record(&mut out, "path", &"p".repeat(length));
            let text = std::str::from_utf8(&out).unwrap();
            let (number, _) = text.split_once(' ').unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), out.len());
        }
    }

    #[test]
    fn padding_fills_the_block() {
        for (size, pad) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size), pad);
        }
    }
}
