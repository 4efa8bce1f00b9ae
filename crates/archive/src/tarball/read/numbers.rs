//! The numbers of a tar header: octal digits, or base 256 as GNU has it.

/// Reads a number field; `None` when it is none, or negative.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // The second bit is the sign.
        let start = u64::from(first & 0x7f);
        return rest.iter().try_fold(start, |value, &byte| {
            (value >> 56 == 0 && first & 0x40 == 0).then_some(value << 8 | u64::from(byte))
        });
    }
    let text = field.trim_ascii_start();
    let end = text.iter().position(|byte| matches!(byte, 0 | b' '));
    let (digits, tail) = text.split_at(end.unwrap_or(text.len()));
    if tail.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| u64::from(byte - b'0'))?;
        (value >> 61 == 0).then_some(value << 3 | digit)
    })
}

/// Text up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b" 644 \0\0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"77777777777"), Some((8 << 30) - 1));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        for wrong in [
            &b"9"[..],
            b"1 1",
            b"-1",
            b"0x1",
            b"\xff\xff\xff\xff",
            b"\x80\x01\0\0\0\0\0\0\0\0\0\0",
            b"7777777777777777777777777",
        ] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }
}
