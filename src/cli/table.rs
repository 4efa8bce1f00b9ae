//! Tables and numbers as people read them.

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
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, each ended; two spaces between columns, no trailing blanks.
    #[must_use]
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let heads = self.head.get(column).map(|(name, _)| name);
            cells
                .chain(heads)
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).zip(&self.head);
            let texts: Vec<String> = padded
                .map(|((cell, &width), (_, align))| match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                })
                .collect();
            format!("{}\n", texts.join("  ").trim_end())
        };
        let names: Vec<String> = self.head.iter().map(|(name, _)| name.clone()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&names) + &rows
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
