//! Extended headers (POSIX.1-2001): records `LENGTH KEY=VALUE\n`.

/// What the records before an entry say about it. Other keys do not change what is written and are passed over.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<(i64, u32)>,
}

impl Records {
    /// Reads the records of one entry.
    ///
    /// # Errors
    /// The rule that they break.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut records = Self::default();
        each(bytes, |key, value| {
            match key {
                b"path" => records.path = Some(value.to_vec()),
                b"linkpath" => records.link = Some(value.to_vec()),
                b"size" => records.size = Some(decimal(value).ok_or("its size is not a number")?),
                b"mtime" => records.mtime = Some(time(value).ok_or("its time is not a number")?),
                b"hdrcharset" => return Err("it changes the encoding of names"),
                _ if key.starts_with(b"GNU.sparse.") => return Err("it is sparse"),
                _ => {}
            }
            Ok(())
        })?;
        Ok(records)
    }

    /// Checks records that hold for all entries that follow: only such that change nothing are allowed.
    ///
    /// # Errors
    /// The rule that they break.
    pub(super) fn check_global(bytes: &[u8]) -> Result<(), &'static str> {
        each(bytes, |key, _| match key {
            b"path" | b"linkpath" | b"size" | b"mtime" | b"hdrcharset" => {
                Err("it changes all entries after it")
            }
            _ if key.starts_with(b"GNU.sparse.") => Err("it changes all entries after it"),
            _ => Ok(()),
        })
    }
}

fn each(
    mut bytes: &[u8],
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    const BROKEN: &str = "its extended header is broken";
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|&byte| byte == b' ').ok_or(BROKEN)?;
        let length = decimal(&bytes[..blank])
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(BROKEN)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(BROKEN)?;
        let record = record.get(blank + 1..).ok_or(BROKEN)?;
        let record = record.strip_suffix(b"\n").ok_or(BROKEN)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(BROKEN)?;
        take(&record[..equals], &record[equals + 1..])?;
        bytes = rest;
    }
    Ok(())
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// Seconds since 1970 with a fraction of any length, as seconds and nanoseconds (rounded down).
fn time(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let point = text.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = text.split_at(point.unwrap_or(text.len()));
    let seconds = i64::try_from(decimal(whole)?).ok()?;
    let mut nanos = 0;
    let digits = fraction.get(1..).unwrap_or_default();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    for place in 0..9 {
        nanos = nanos * 10
            + digits
                .get(place)
                .map_or(0, |&digit| u32::from(digit - b'0'));
    }
    Some(match (negative, nanos) {
        (false, _) => (seconds, nanos),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanos),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_broken_ones_refused() {
        let records = Records::parse(b"9 path=a\n11 size=12\n18 mtime=5.25\n".as_slice()).err();
        assert!(records.is_some(), "the last length is wrong");
        let records = Records::parse(b"9 path=a\n11 size=12\n14 mtime=5.25\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a"[..]));
        assert_eq!(records.size, Some(12));
        assert_eq!(records.mtime, Some((5, 250_000_000)));
        for broken in [
            &b"9 path=a"[..],
            b"x path=a\n",
            b"99 path=a\n",
            b"2 path=a\n",
            b"0 path=a\n",
            b"8 patha\n\n",
            b"11 size=-1\n",
            b"18 hdrcharset=BIN\n",
            b"22 GNU.sparse.major=1\n",
        ] {
            assert!(Records::parse(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn times_before_1970_round_down() {
        assert_eq!(time(b"-1.25"), Some((-2, 750_000_000)));
        assert_eq!(time(b"-1"), Some((-1, 0)));
        assert_eq!(time(b"1.1234567899"), Some((1, 123_456_789)));
        assert_eq!(time(b"1.x"), None);
        assert_eq!(time(b""), None);
    }

    #[test]
    fn only_silent_records_hold_for_all() {
        assert!(Records::check_global(b"13 comment=x\n").is_ok());
        assert!(Records::check_global(b"9 path=a\n").is_err());
    }
}
