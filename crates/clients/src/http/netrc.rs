//! The netrc format: which user and password a host takes.
//!
//! Reads a text and nothing else; refuses to find the file, and to repeat any of it in an error (it is full of
//! passwords). Lenient where curl and Python are: unknown words are stepped over, macros are skipped.

/// One `machine` or `default` entry.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The host in lower case; `None` for `default`.
    pub machine: Option<String>,
    pub login: String,
    pub password: String,
}

/// All entries of a netrc text that have a password, in the order of the text.
pub(super) fn parse(text: &str) -> Vec<Entry> {
    let mut words = Words { rest: text };
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(word) = words.next() {
        let field = |words: &mut Words<'_>| words.next().unwrap_or_default();
        match word.as_str() {
            "machine" => entries.push(entry(Some(field(&mut words).to_ascii_lowercase()))),
            "default" => entries.push(entry(None)),
            "macdef" => words.skip_macro(),
            "account" => drop(field(&mut words)),
            "login" | "user" => {
                let login = field(&mut words);
                if let Some(last) = entries.last_mut() {
                    last.login = login;
                }
            }
            "password" | "passwd" => {
                let password = field(&mut words);
                if let Some(last) = entries.last_mut() {
                    last.password = password;
                }
            }
            _ => {}
        }
    }
    entries.retain(|entry| !entry.password.is_empty());
    entries
}

const fn entry(machine: Option<String>) -> Entry {
    Entry {
        machine,
        login: String::new(),
        password: String::new(),
    }
}

/// Words between white space; a word in double quotes may hold white space, a backslash there takes the next
/// character as it is. A `#` at the start of a word opens a comment, but only where a keyword may stand: passwords
/// begin with it too.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn skip_macro(&mut self) {
        // A macro ends at the first empty line.
        while let Some((line, rest)) = self.rest.split_once('\n') {
            self.rest = rest;
            if line.trim().is_empty() {
                return;
            }
        }
        self.rest = "";
    }

    fn skip_comments(&mut self) {
        loop {
            let line_start = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
            if !line_start.starts_with('#') {
                return;
            }
            // `password #secret` stands on one line; a comment stands at a line's start.
            let gap = &self.rest[..self.rest.len() - line_start.len()];
            if !gap.contains('\n') && !gap.is_empty() {
                return;
            }
            self.rest = line_start.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.skip_comments();
        let start = self.rest.trim_start();
        if start.is_empty() {
            self.rest = "";
            return None;
        }
        let Some(quoted) = start.strip_prefix('"') else {
            let end = start.find(char::is_whitespace).unwrap_or(start.len());
            self.rest = &start[end..];
            return Some(start[..end].to_owned());
        };
        let mut word = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(word);
                }
                '\\' => word.extend(chars.next().map(|(_, next)| next)),
                _ => word.push(char),
            }
        }
        self.rest = "";
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let found = parse(text);
        let found: Vec<_> = found
            .iter()
            .map(|entry| {
                (
                    entry.machine.as_deref().unwrap_or("*"),
                    entry.login.as_str(),
                    entry.password.as_str(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_usual_forms() {
        check(
            "machine Git.example.org login ci password s3cret",
            &[("git.example.org", "ci", "s3cret")],
        );
        check(
            "machine a\n  login u\n  account x\n  password p\nmachine b password q\ndefault login d password e\n",
            &[("a", "u", "p"), ("b", "", "q"), ("*", "d", "e")],
        );
        check("machine only login u\n", &[]);
        check("", &[]);
    }

    #[test]
    fn quotes_comments_and_macros() {
        check(
            r#"machine a login "my user" password "p\"q\\ r""#,
            &[("a", "my user", r#"p"q\ r"#)],
        );
        check(
            "# machine no login no password no\nmachine a login u password #p\n  # more\nmachine b login v password w#x",
            &[("a", "u", "#p"), ("b", "v", "w#x")],
        );
        check(
            "machine a login u password p\nmacdef init\nmachine evil login e password e\n\nmachine b login v password w",
            &[("a", "u", "p"), ("b", "v", "w")],
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in r#"[ \n\t"\\#a-c]{0,40}(machine |login |password |macdef |default ){0,3}\PC*"#) {
            for entry in parse(&text) {
                prop_assert!(!entry.password.is_empty());
            }
        }

        #[test]
        fn quoted_words_come_back(password in "[^\\x00]{1,20}") {
            let escaped = password.replace('\\', r"\\").replace('"', r#"\""#);
            let found = parse(&format!("machine h login u password \"{escaped}\"\n"));
            prop_assert_eq!(&found[0].password, &password);
        }
    }
}
