//! The `RECORD` of an installed package: a row for each of its files, sorted by path
//! ([PyPA specification](https://packaging.python.org/en/latest/specifications/recording-installed-packages/)).

use std::borrow::Cow;

use super::model::Item;
use crate::wheel::RecordRow;

/// About as many bytes as a row has besides its path.
const ROW: usize = 64;

/// The `RECORD` at `path` that lists these files and itself, relative to `site_packages`.
pub(super) fn record(files: &[Item], path: &str, site_packages: &str) -> Vec<u8> {
    let listed = |path| relative(path, site_packages);
    let mut rows: Vec<(Cow<'_, str>, Option<&Item>)> = Vec::with_capacity(files.len() + 1);
    rows.extend(files.iter().map(|file| (listed(&file.path), Some(file))));
    rows.push((listed(path), None));
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let length = rows.iter().map(|(path, _)| path.len() + ROW).sum();
    let mut text = String::with_capacity(length);
    for (path, file) in rows {
        let row = match file.and_then(Item::content) {
            Some((sha256, size)) => RecordRow::of(path, &sha256, size),
            None => RecordRow::bare(path),
        };
        row.write(&mut text);
    }
    text.into_bytes()
}

/// A path of the tarball as `RECORD` spells it.
fn relative<'a>(path: &'a str, site_packages: &str) -> Cow<'a, str> {
    let below = path.strip_prefix(site_packages);
    match below.and_then(|path| path.strip_prefix('/')) {
        Some(path) => Cow::Borrowed(path),
        None => {
            let in_venv = path.strip_prefix("venv/").unwrap_or(path);
            Cow::Owned(format!("../../../{in_venv}"))
        }
    }
}
