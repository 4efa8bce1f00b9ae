//! Whether a Renovate schedule means weekends and nothing else.
//!
//! Knows cron (five fields, minutes `*`) and the words of the older text form; what it does not know counts as "not weekends".

/// Days in cron's numbers, where 7 is Sunday too.
const SATURDAY_AND_SUNDAY: [&str; 5] = ["6", "0", "7", "sat", "sun"];

/// Whether one entry of `schedule` lets Renovate work at weekends only.
pub(super) fn is_weekend(entry: &str) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    let fields: Vec<&str> = entry.split_whitespace().collect();
    if let [minutes, _, _, _, days] = fields[..]
        && minutes == "*"
        && days.starts_with(|c: char| c.is_ascii_digit() || c == 's')
    {
        return days.split(',').all(|part| match part.split_once('-') {
            None => SATURDAY_AND_SUNDAY.contains(&part),
            Some((first, last)) => {
                matches!(first, "6" | "sat") && matches!(last, "7" | "sun" | "0")
            }
        });
    }
    let on_days = |text: &str| {
        text.split_whitespace()
            .filter(|word| !matches!(*word, "on" | "and" | "every"))
            .all(|word| matches!(word, "weekend" | "saturday" | "sunday"))
    };
    let names_days = ["weekend", "saturday", "sunday"];
    names_days.iter().any(|day| entry.contains(day)) && on_days(&without_hours(&entry))
}

/// The text form without its hours: `after 6am and before 8pm on saturday`.
fn without_hours(entry: &str) -> String {
    let words: Vec<&str> = entry.split_whitespace().collect();
    let mut kept = Vec::new();
    let mut skip = false;
    for word in words {
        if skip {
            skip = false;
        } else if matches!(word, "after" | "before") {
            skip = true;
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}
