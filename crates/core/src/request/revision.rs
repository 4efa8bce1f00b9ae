//! Revisions and folders of git projects, as they are written.

use pannier_base::url::{GitUrl, UrlError};

/// The folder that the fragment of a project names (`subdirectory=folder`).
///
/// # Errors
/// Says which form is expected.
pub fn subdirectory(fragment: &str) -> Result<Option<String>, String> {
    // What a fragment means is known to URLs; the host here is only a place to hang it on.
    let url: Result<GitUrl, UrlError> = format!("https://host/project#{fragment}").parse();
    match url {
        Ok(url) => Ok(url.subdirectory),
        Err(_) => Err(
            "only `#subdirectory=folder` may follow it, with a plain relative folder".to_owned(),
        ),
    }
}

/// The rules of `git check-ref-format` (<https://git-scm.com/docs/git-check-ref-format>) that matter, so that no text becomes an
/// option or a range.
///
/// # Errors
/// Says that the text is not a revision.
pub fn check_revision(revision: &str) -> Result<(), String> {
    let bad = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    let wrong = revision.is_empty()
        || revision.starts_with(['-', '/', '.'])
        || revision.ends_with(['/', '.'])
        || revision.contains("..")
        || revision.contains("//")
        || revision.contains("@{")
        || revision.contains(bad);
    if wrong {
        return Err(
            "what follows the `@` is not a branch, tag or commit (git check-ref-format)".to_owned(),
        );
    }
    Ok(())
}
