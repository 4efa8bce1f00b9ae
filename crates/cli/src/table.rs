//! Tables and numbers as people read them.
//!
//! Cells are foreign text: nothing in them acts on a terminal, and none is so wide that it decides how long the others are.

use unicode_width::UnicodeWidthStr;

use pannier_base::secret::scrub_values;
use pannier_base::visible;

/// Columns of a terminal to which cells are padded; a wider cell moves the rest of its own row.
const WIDEST: usize = 160;

/// Most characters of a cell that are shown.
const LONGEST: usize = 1000;

/// Columns of text, aligned; numbers to the right. Holds no colours.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

/// To which side a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[(&str, Align)]) -> Self {
        let head = head
            .iter()
            .map(|(name, align)| ((*name).to_owned(), *align));
        Self {
            head: head.collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, one text per column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| shown(&cell)).collect());
    }

    /// The table as lines, each ended; two spaces between columns, no trailing blanks.
    #[must_use]
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let heads = self.head.get(column).map(|(name, _)| name);
            let widths = cells.chain(heads).map(|cell| cell.width());
            widths.max().unwrap_or(0).min(WIDEST)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).zip(&self.head);
            let texts: Vec<String> = padded
                .map(|((cell, &width), (_, align))| {
                    let blank = " ".repeat(width.saturating_sub(cell.width()));
                    match align {
                        Align::Left => format!("{cell}{blank}"),
                        Align::Right => format!("{blank}{cell}"),
                    }
                })
                .collect();
            format!("{}\n", texts.join("  ").trim_end())
        };
        let names: Vec<String> = self.head.iter().map(|(name, _)| shown(name)).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&names) + &rows
    }
}

/// A cell as it is shown.
fn shown(cell: &str) -> String {
    // A secret that is cut or escaped is not found afterwards.
    let cell = scrub_values(cell);
    let cut = cell.char_indices().nth(LONGEST);
    match cut {
        Some((at, _)) => format!("{}…", visible::line(&cell[..at])),
        None => visible::line(&cell).into_owned(),
    }
}

/// A size as people read it: `87.1 MB` (powers of 1000).
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[("image", Align::Left), ("files", Align::Right)]);
        table.row(["a".into(), "12".into()]);
        table.row(["builder".into(), "3".into()]);
        assert_eq!(
            table.render(),
            "image    files\na           12\nbuilder      3\n"
        );
    }

    #[test]
    fn cells_are_as_wide_as_they_look_and_act_on_no_terminal() {
        let mut table = Table::new(&[("name", Align::Left), ("size", Align::Right)]);
        table.row(["日本".into(), "1".into()]);
        table.row(["é e\u{301} 👩\u{200d}💻".into(), "22".into()]);
        table.row(["a\x1b[2J\nb".into(), "\u{202e}3".into()]);
        insta::assert_snapshot!(table.render(), @r"
        name                size
        日本                   1
        é é 👩‍💻                22
        a\u{1b}[2J\nb  \u{202e}3
        ");
    }

    #[test]
    fn a_long_cell_makes_no_other_row_long() {
        let mut table = Table::new(&[("name", Align::Left), ("size", Align::Right)]);
        table.row(["x".repeat(1_000_000), "1".into()]);
        for _ in 0..1000 {
            table.row(["y".into(), "\u{1f600}".repeat(70_000)]);
        }
        table.row(["only one".into()]);
        let text = table.render();
        assert!(text.lines().all(|line| line.chars().count() < 1400));
        assert!(text.contains("x…  "));
    }

    proptest! {
        #[test]
        fn any_cells_are_shown(rows in collection::vec(collection::vec(any::<String>(), 0..4), 0..5)) {
            let mut table = Table::new(&[("one", Align::Left), ("two", Align::Right), ("three", Align::Left)]);
            let count = rows.len();
            rows.into_iter().for_each(|row| table.row(row));
            let text = table.render();
            prop_assert_eq!(text.lines().count(), count + 1);
            prop_assert!(text.lines().all(|line| visible::line(line) == line));
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        let sizes = [0, 999, 1000, 87_050_000, 999_960_000, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            [
                "0 B",
                "999 B",
                "1.0 kB",
                "87.0 MB",
                "1.0 GB",
                "18446744.1 TB"
            ]
        );
    }
}
