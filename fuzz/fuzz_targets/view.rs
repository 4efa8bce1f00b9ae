//! What people see of a foreign tarball and of foreign cells: bounded, and nothing in it acts on a terminal.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use pannier::inspect::text;
use pannier::inspect::tree;
use pannier::table::Align;
use pannier::table::Table;
use pannier_archive::inspect::Inspection;
use pannier_archive::inspect::Size;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (numbers, rest) = bytes.split_at(bytes.len().min(32));
    let mut numbers = Unstructured::new(numbers);
    let mut size = || Size {
        files: u64::arbitrary(&mut numbers).unwrap_or(u64::MAX),
        bytes: u64::arbitrary(&mut numbers).unwrap_or(u64::MAX),
    };
    if let Ok(manifest) = serde_json::from_slice(rest) {
        let inspection = Inspection {
            manifest,
            bytes: u64::MAX,
            total: size(),
            packages: BTreeMap::new(),
            data: BTreeMap::new(),
            other: size(),
            tree: BTreeMap::default(),
        };
        check(&text(&inspection), 64 * rest.len() + 100_000);
        tree(&inspection, &mut std::io::sink()).expect("a sink takes everything");
    }
    let mut table = Table::new(&[("left", Align::Left), ("right", Align::Right)]);
    let cells = String::from_utf8_lossy(rest);
    let mut rows = 0;
    for row in cells.split('\n') {
        table.row(row.split('|').map(str::to_owned));
        rows += 1;
    }
    check(&table.render(), 20_100 * (rows + 1));
});

fn check(shown: &str, most: usize) {
    assert!(shown.len() <= most, "{} > {most}", shown.len());
    for line in shown.split('\n') {
        assert_eq!(pannier_base::visible::line(line), line);
    }
}
