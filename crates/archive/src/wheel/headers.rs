//! Header blocks of `METADATA` and `WHEEL` files (`Key: value`, as in e-mail; core metadata specification).
//!
//! Refuses to guess: headers end where Python's own reader ends them, at the first line that is none.

/// The headers of one file, in order. Keys compare without case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Headers {
    fields: Vec<(String, String)>,
    /// The line that ended the headers although it was not blank.
    pub stray: Option<String>,
}

impl Headers {
    /// Reads the headers of `bytes`; the body behind the first blank line is not looked at. Bytes that are not UTF-8
    /// become U+FFFD: old descriptions hold them, and no field that matters can.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut headers = Self::default();
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = headers.fields.last_mut() else {
                    headers.stray = Some(line.to_owned());
                    break;
                };
                value.push('\n');
                value.push_str(line.trim());
                continue;
            }
            match line.split_once(':') {
                Some((key, value)) if is_key(key) => {
                    let field = (key.to_owned(), value.trim().to_owned());
                    headers.fields.push(field);
                }
                _ => {
                    headers.stray = Some(line.to_owned());
                    break;
                }
            }
        }
        headers
    }

    /// Every value of `key`, in order; lines of a folded value are joined by one space.
    pub fn all(&self, key: &str) -> impl Iterator<Item = String> {
        self.fields
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.split('\n').collect::<Vec<_>>().join(" "))
    }

    /// The value of a key that may stand once.
    pub fn at_most_one(&self, key: &'static str) -> Result<Option<String>, HeaderError> {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(HeaderError::Twice(key)),
            (value, None) => Ok(value),
        }
    }

    /// The value of a key that must stand once.
    pub fn exactly_one(&self, key: &'static str) -> Result<String, HeaderError> {
        let value = self.at_most_one(key)?;
        value.ok_or(HeaderError::Absent(key))
    }
}

/// A header that stands the wrong number of times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It must stand once and does not.
    #[error("`{0}` is missing")]
    Absent(&'static str),
    /// It stands more than once.
    #[error("`{0}` appears more than once")]
    Twice(&'static str),
}

/// Whether `text` can be a header's name (RFC 5322: printable ASCII without space and colon).
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| (33..=126).contains(&b))
}

/// Splits `MAJOR.MINOR` as metadata formats number themselves.
pub(super) fn format_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, key: &str) -> Vec<String> {
        Headers::parse(text.as_bytes()).all(key).collect()
    }

    #[test]
    fn keys_compare_without_case_and_values_are_trimmed() {
        let text = "name:  x \r\nNAME:y\r\nEmpty:\r\n\r\nName: body\r\n";
        assert_eq!(all(text, "Name"), ["x", "y"]);
        assert_eq!(all(text, "Empty"), [""]);
        assert_eq!(all(text, "Absent"), [""; 0]);
    }

    #[test]
    fn folded_values_are_joined() {
        let text = "A: one;\n  two\n\tthree\nB: x\n";
        assert_eq!(all(text, "A"), ["one; two three"]);
        assert_eq!(all(text, "B"), ["x"]);
    }

    #[test]
    fn a_stray_line_ends_the_headers_and_is_kept() {
        let headers = Headers::parse(b"A: x\nno header here\nB: y\n");
        assert_eq!(headers.stray.as_deref(), Some("no header here"));
        assert_eq!(headers.all("B").count(), 0);
        assert!(Headers::parse(b" folded nothing\nA: x\n").stray.is_some());
    }

    #[test]
    fn old_encodings_and_byte_order_marks_do_no_harm() {
        let headers = Headers::parse(b"\xef\xbb\xbfA: x\nAuthor: J\xf6rg\n");
        assert_eq!(headers.exactly_one("A").as_deref(), Ok("x"));
        assert_eq!(headers.exactly_one("Author").as_deref(), Ok("J\u{fffd}rg"));
    }

    #[test]
    fn numbers_of_times_are_checked() {
        let headers = Headers::parse(b"A: x\nA: y\n");
        assert_eq!(headers.exactly_one("A"), Err(HeaderError::Twice("A")));
        assert_eq!(headers.exactly_one("B"), Err(HeaderError::Absent("B")));
        assert_eq!(headers.at_most_one("B"), Ok(None));
    }

    #[test]
    fn format_versions_have_two_numbers() {
        assert_eq!(format_version("1.0"), Some((1, 0)));
        assert_eq!(format_version("2.10"), Some((2, 10)));
        for text in ["", "1", "1.", ".1", "1.0.0", "1.x", "+1.0"] {
            assert_eq!(format_version(text), None, "{text}");
        }
    }
}
