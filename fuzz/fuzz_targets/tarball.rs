//! Tarballs with an index: three bytes of input change one byte of an honest one. Whoever follows the index reads what the
//! stream has, or an error.
#![no_main]

use std::io::Read;
use std::sync::OnceLock;

use pannier_archive::tarball::index::Index;
use pannier_archive::tarball::read::SegmentReader;
use pannier_archive::venv::Item;
use pannier_archive::venv::ItemKind;
use pannier_archive::zip::Rules;
use pannier_archive::zip::Writer;
use pannier_archive::zip::verify;

libfuzzer_sys::fuzz_target!(|edits: &[u8]| {
    let mut bytes = honest().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        // From the end, where the index stands; the upper half is spread over the rest.
        let from_end = if at < 1 << 15 {
            at
        } else {
            (at - (1 << 15)) * bytes.len() >> 15
        };
        let Some(at) = bytes.len().checked_sub(from_end + 1) else {
            continue;
        };
        bytes[at] ^= edit[2];
    }
    if edits.len() % 3 == 1 {
        mend(&mut bytes);
    }
    let file = pannier_fuzz::file(&bytes);
    let Ok(Some(index)) = Index::find(&file, bytes.len() as u64) else {
        return;
    };
    let mut followed = Vec::new();
    for part in index.parts {
        let mut reader = SegmentReader::new(&file, part);
        if reader.read_to_end(&mut followed).is_err() {
            return;
        }
    }
    let plain = pannier_fuzz::plain(&bytes).expect("the stream is whole if its index is");
    assert!(plain == followed, "the index leads to other bytes");
});

/// Puts the trailer right, where the stream can be inflated.
fn mend(bytes: &mut [u8]) {
    let end = bytes.len() - 8;
    let mut plain = Vec::new();
    let inflated = flate2::read::DeflateDecoder::new(&bytes[10..end]).read_to_end(&mut plain);
    if inflated.is_ok() {
        bytes[end..end + 4].copy_from_slice(&crc32fast::hash(&plain).to_le_bytes());
        bytes[end + 4..].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    }
}

/// Three files of 600 kB that hardly need room, so that there are several segments.
fn honest() -> &'static [u8] {
    static HONEST: OnceLock<Vec<u8>> = OnceLock::new();
    HONEST.get_or_init(|| {
        let mut writer = Writer::new(pannier_fuzz::file(b""));
        for entry in 0..3_u8 {
            let content = [entry].repeat(600_000);
            writer
                .bytes(&format!("f{entry}"), false, &content)
                .expect("there is room");
        }
        let file = writer.finish().expect("there is room");
        let pack = verify(&file, &Rules::snapshot()).expect("it is right");
        let items = pack.iter().filter_map(|entry| {
            let kind = ItemKind::Carried {
                pack: 0,
                stream: *entry.stream()?,
                executable: false,
            };
            let path = format!("venv/{}", entry.path);
            Some(Item { path, kind })
        });
        pannier_fuzz::tarball(&file, &pack, items.collect())
    })
}
