//! Large files of a repository straight from a packfile, piece by piece: libgit2 reads every object whole.
//!
//! Reads what lies there as itself (gitformat-pack(5)); what is kept as a difference to another object is left to libgit2.
//! Trusts the pack as far as libgit2 did when it fetched it; the checksum and the length of each file are checked.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::ZlibDecoder;
use git2::{ErrorClass, ErrorCode, Oid, Repository};

/// From this length (in bytes) on it pays not to have a file in memory.
pub(super) const LARGE: usize = 4 << 20;

/// Bytes of an object id (SHA-1).
const ID: usize = 20;

/// The first bytes of an index of version 2.
const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// Where the ids begin: behind the magic bytes and 256 counts.
const IDS: u64 = 8 + 256 * 4;

/// The type of a file in a pack entry's header.
const BLOB: u8 = 3;

/// The file `oid`, to be read from front to back; `None` where no pack has it as itself.
pub(super) fn open(repository: &Repository, oid: Oid) -> io::Result<Option<impl Read + use<>>> {
    for entry in fs::read_dir(repository.path().join("objects/pack"))? {
        let index = entry?.path();
        if index.extension().is_some_and(|it| it == "idx")
            && let Some(offset) = offset(&File::open(&index)?, oid.as_bytes())?
        {
            return blob(&index.with_extension("pack"), offset);
        }
    }
    Ok(None)
}

/// Where the pack of this index has the object.
fn offset(index: &File, id: &[u8]) -> io::Result<Option<u64>> {
    let mut magic = [0; MAGIC.len()];
    index.read_exact_at(&mut magic, 0)?;
    if magic != MAGIC || id.len() != ID {
        return Ok(None);
    }
    let count = |byte: u8| number(index, 8 + 4 * u64::from(byte));
    let first = id[0];
    let mut low = if first == 0 {
        0
    } else {
        u64::from(count(first - 1)?)
    };
    let mut high = u64::from(count(first)?);
    let all = u64::from(count(255)?);
    while low < high {
        let middle = low.midpoint(high);
        let mut found = [0; ID];
        index.read_exact_at(&mut found, IDS + middle * ID as u64)?;
        match found.as_slice().cmp(id) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                // Behind the ids stand the checksums, then the offsets; those of 31 bits and more have a table of their own.
                let offsets = IDS + all * (ID as u64 + 4);
                let short = number(index, offsets + 4 * middle)?;
                let Some(long) = short.checked_sub(1 << 31) else {
                    return Ok(Some(u64::from(short)));
                };
                let at = offsets + 4 * all + 8 * u64::from(long);
                let (upper, lower) = (number(index, at)?, number(index, at + 4)?);
                return Ok(Some(u64::from(upper) << 32 | u64::from(lower)));
            }
        }
    }
    Ok(None)
}

fn number(index: &File, at: u64) -> io::Result<u32> {
    let mut bytes = [0; 4];
    index.read_exact_at(&mut bytes, at)?;
    Ok(u32::from_be_bytes(bytes))
}

/// The entry at `offset`, if it is a file in full.
fn blob(pack: &Path, offset: u64) -> io::Result<Option<impl Read + use<>>> {
    let mut file = File::open(pack)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut byte = || {
        let mut one = [0];
        file.read_exact(&mut one).map(|()| one[0])
    };
    let first = byte()?;
    let (kind, mut size, mut shift, mut more) =
        (first >> 4 & 7, u64::from(first & 15), 4, first & 0x80 != 0);
    while more {
        let next = byte()?;
        if shift > 56 {
            return Ok(None);
        }
        size |= u64::from(next & 0x7f) << shift;
        shift += 7;
        more = next & 0x80 != 0;
    }
    let content = ZlibDecoder::new(file);
    Ok((kind == BLOB).then_some(Exactly {
        content,
        left: size,
    }))
}

/// As many bytes as were promised; an error, and one that blames the repository, when there are more or fewer.
struct Exactly<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self
            .content
            .read(buffer)
            .map_err(|error| damaged(&error.to_string()))?;
        match self.left.checked_sub(read as u64) {
            Some(0) if read == 0 => Ok(0),
            Some(left) if read > 0 => {
                self.left = left;
                Ok(read)
            }
            _ => Err(damaged("a file in a pack has another length than it says")),
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::other(git2::Error::new(
        ErrorCode::GenericError,
        ErrorClass::Odb,
        what,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bare repository that has these files in one pack and nowhere else.
    fn packed(contents: &[&[u8]]) -> (tempfile::TempDir, Repository, Vec<Oid>) {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let ids: Vec<_> = contents
            .iter()
            .map(|it| repository.blob(it).unwrap())
            .collect();
        let mut builder = repository.packbuilder().unwrap();
        for id in &ids {
            builder.insert_object(*id, None).unwrap();
        }
        builder
            .write(&folder.path().join("objects/pack"), 0)
            .unwrap();
        drop(builder);
        for id in &ids {
            let text = id.to_string();
            let path = folder
                .path()
                .join("objects")
                .join(&text[..2])
                .join(&text[2..]);
            fs::remove_file(path).unwrap();
        }
        (folder, repository, ids)
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut draw = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(|| draw.u8(..))
            .take(length)
            .collect()
    }

    #[test]
    fn files_come_out_as_they_went_in() {
        let contents = [
            b"".to_vec(),
            b"small".to_vec(),
            noise(300_000),
            vec![7; 3_000_000],
        ];
        let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let (_folder, repository, ids) = packed(&slices);
        for (id, content) in ids.iter().zip(&contents) {
            let mut found = Vec::new();
            let mut reader = open(&repository, *id).unwrap().expect("it is in the pack");
            reader.read_to_end(&mut found).unwrap();
            assert!(found == *content, "{} bytes", content.len());
        }
        let missing = Oid::hash_object(git2::ObjectType::Blob, b"nowhere").unwrap();
        assert!(open(&repository, missing).unwrap().is_none());
    }

    #[test]
    fn differences_are_left_to_libgit2() {
        let base = noise(200_000);
        let mut changed = base.clone();
        changed[100_000] ^= 1;
        let (_folder, repository, ids) = packed(&[&base, &changed]);
        let whole = ids
            .iter()
            .filter(|id| open(&repository, **id).unwrap().is_some());
        assert_eq!(whole.count(), 1);
    }

    #[test]
    fn a_damaged_pack_is_blamed() {
        let (folder, repository, ids) = packed(&[&noise(300_000)]);
        let pack = fs::read_dir(folder.path().join("objects/pack")).unwrap();
        let pack = pack
            .map(|it| it.unwrap().path())
            .find(|it| it.extension().unwrap() == "pack");
        let pack = pack.unwrap();
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
        let mut reader = open(&repository, ids[0]).unwrap().unwrap();
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(error.downcast::<git2::Error>().is_ok());
    }
}
