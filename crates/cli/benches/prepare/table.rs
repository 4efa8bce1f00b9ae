//! Markdown tables.

/// Prints a table; the first column is text, the others are figures.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!("|---{}|", "|---:".repeat(head.len() - 1));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// Prints what a ratio has to be, and whether it is.
pub fn target(what: &str, ratio: f64, holds: bool, wanted: &str) {
    let verdict = if holds { "met" } else { "MISSED" };
    println!("- {what}: **{ratio:.2}** (target {wanted}: {verdict})");
}
