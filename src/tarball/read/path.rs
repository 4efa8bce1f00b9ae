//! Names of entries: relative, without a way out, one spelling each.

/// The path that an entry's name says, without `.` components and doubled slashes; empty for the top folder itself.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn clean(name: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    if text.is_empty() {
        return Err("it has no name");
    }
    if text.starts_with('/') {
        return Err("its name is absolute");
    }
    if text.contains(['\\', '\0']) {
        return Err("its name holds a backslash or a NUL");
    }
    if text.chars().any(char::is_control) {
        return Err("its name holds a control character");
    }
    if text.len() > 4096 {
        return Err("its name is longer than any path may be");
    }
    let mut path = String::with_capacity(text.len());
    for component in text.split('/') {
        match component {
            "" | "." => {}
            ".." => return Err("its name climbs with `..`"),
            _ => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(component);
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_each() {
        for (name, path) in [
            ("a", "a"),
            ("./a//b/", "a/b"),
            ("./", ""),
            ("..a/b..", "..a/b.."),
            ("ü/日", "ü/日"),
        ] {
            assert_eq!(clean(name.as_bytes()).as_deref(), Ok(path));
        }
        for name in [
            "", "/a", "..", "a/../b", "a/..", "../a", "a\\b", "a\0b", "a\nb", "\u{7f}",
        ] {
            assert!(clean(name.as_bytes()).is_err(), "{name:?}");
        }
        assert!(clean(b"\xff").is_err());
        assert!(clean(&[b'a'; 4097]).is_err());
    }
}
