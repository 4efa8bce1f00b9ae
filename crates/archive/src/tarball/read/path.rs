//! Names of entries: relative, without a way out, one spelling each.

use pannier_base::paths::path_fault;

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
    let mut path = String::with_capacity(text.len());
    for component in text.split('/').filter(|it| !matches!(*it, "" | ".")) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(component);
    }
    match path_fault(&path) {
        Some(fault) if !path.is_empty() => Err(fault),
        _ => Ok(path),
    }
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
        assert!(clean(&[b'a'; 256]).is_err());
        assert!(clean("a/".repeat(2048).as_bytes()).is_ok());
        assert!(clean("a/".repeat(2049).as_bytes()).is_err());
    }
}
