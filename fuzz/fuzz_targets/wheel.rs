//! Whole wheels: the input is cut at NUL bytes into METADATA, WHEEL, entry points and more files; with a RECORD that is
//! right, or with the last piece for one. What is accepted can be normalised, and is then accepted as the same.
#![no_main]

use libfuzzer_sys::Corpus;
use pannier_base::digest::Digest;
use pannier_archive::wheel::Record;
use pannier_archive::wheel::RecordRow;
use pannier_archive::wheel::WheelFilename;
use pannier_archive::wheel::normalise;
use pannier_archive::wheel::verify;
use pannier_archive::zip::Rules;
use pannier_archive::zip::Writer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> Corpus { check(bytes).unwrap_or(Corpus::Reject) });

fn check(bytes: &[u8]) -> Option<Corpus> {
    let (own_record, bytes) = (bytes.first()? & 1 == 1, &bytes[1..]);
    let mut pieces: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let record = own_record.then(|| pieces.pop()).flatten();
    let info = "foo-1.0.dist-info";
    let mut files = Vec::new();
    for (name, content) in ["METADATA", "WHEEL", "entry_points.txt"]
        .iter()
        .zip(&pieces)
    {
        files.push((format!("{info}/{name}"), *content));
    }
    for piece in pieces.get(3..).unwrap_or_default() {
        let path = std::str::from_utf8(piece).ok()?;
        files.push((path.replace('@', "foo-1.0"), b"x"));
    }
    let path = format!("{info}/RECORD");
    let mut rows = vec![RecordRow::bare(&path)];
    for (path, content) in &files {
        rows.push(RecordRow::of(
            path,
            &Digest::of(content),
            content.len() as u64,
        ));
    }
    let right = Record { rows }.to_text();
    files.push((path, record.unwrap_or(right.as_bytes())));
    let mut writer = Writer::new(pannier_fuzz::file(b""));
    for (path, content) in &files {
        writer.bytes(path, false, content).ok()?;
    }
    let file = writer.finish().ok()?;
    let filename: WheelFilename = "foo-1.0-py3-none-any.whl".parse().expect("it is one");
    let Ok(wheel) = verify(&file, &filename, &Rules::default()) else {
        return Some(Corpus::Keep);
    };
    pannier_fuzz::check_pack(&file, &wheel.pack);
    let mut normal = Vec::new();
    normalise(&file, &filename, &std::env::temp_dir(), &mut normal)
        .expect("what is accepted can be normalised");
    let again = pannier_fuzz::file(&normal);
    let again = verify(&again, &filename, &Rules::default()).expect("what is normal is accepted");
    assert_eq!(wheel.scripts, again.scripts);
    assert_eq!(wheel.requires_dist, again.requires_dist);
    assert_eq!(wheel.top_level(), again.top_level());
    Some(Corpus::Keep)
}
