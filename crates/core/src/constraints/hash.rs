//! Hashes that a line states for the files of its package (`--hash=sha256:…`, or `#sha256=…` of a URL).
//!
//! Accepts what pip accepts: SHA-256, SHA-384 and SHA-512. Refuses weaker algorithms and digests of the wrong length, which no
//! file could ever match.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use url::Url;

use pannier_base::digest::Digest;

/// The digest that a file may have. Prints as `sha256:` and lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash {
    algorithm: Algorithm,
    hex: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// A text that is not a hash that can be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileHashError {
    /// An algorithm that pip refuses, or none at all.
    #[error("`{0}` is not a hash: `sha256:`, `sha384:` or `sha512:` and the digest are expected")]
    Algorithm(String),
    /// A digest that no file can have.
    #[error("`{text}` is not a {algorithm} digest, which has {digits} hexadecimal digits")]
    Length {
        /// The digest as written.
        text: String,
        /// Its algorithm.
        algorithm: &'static str,
        /// The number of digits that it needs.
        digits: usize,
    },
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

impl FileHash {
    /// Whether it is a SHA-256 digest, which indexes and locks state for every file.
    #[must_use]
    pub fn is_sha256(&self) -> bool {
        self.algorithm == Algorithm::Sha256
    }

    /// The digest in hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The digests of `input` by all algorithms that a line may use, SHA-256 first.
    ///
    /// # Errors
    /// What reading gives.
    pub fn all_of(input: &mut impl Read) -> io::Result<[Self; 3]> {
        let (mut short, mut middle, mut long) = (Sha256::new(), Sha384::new(), Sha512::new());
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = input.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            short.update(&buffer[..length]);
            middle.update(&buffer[..length]);
            long.update(&buffer[..length]);
        }
        let of = |algorithm, digest: &[u8]| Self {
            algorithm,
            hex: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Ok([
            of(Algorithm::Sha256, &short.finalize()),
            of(Algorithm::Sha384, &middle.finalize()),
            of(Algorithm::Sha512, &long.finalize()),
        ])
    }
}

impl From<Digest> for FileHash {
    fn from(digest: Digest) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.to_string(),
        }
    }
}

impl FromStr for FileHash {
    type Err = FileHashError;

    /// Takes `algorithm:digest`, with hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, FileHashError> {
        let unknown = || FileHashError::Algorithm(text.to_owned());
        let (name, digits) = text.split_once(':').ok_or_else(unknown)?;
        let mut all = Algorithm::ALL.into_iter();
        let algorithm = all.find(|one| one.name() == name).ok_or_else(unknown)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex || digits.len() != algorithm.digits() {
            return Err(FileHashError::Length {
                text: digits.to_owned(),
                algorithm: algorithm.name(),
                digits: algorithm.digits(),
            });
        }
        Ok(Self {
            algorithm,
            hex: digits.to_ascii_lowercase(),
        })
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for FileHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Keys of a URL's fragment by which pip and uv recognize a hash.
const FRAGMENT_KEYS: [&str; 9] = [
    "sha256", "sha384", "sha512", "md5", "sha1", "sha224", "blake2b", "blake2s", "sha3_256",
];

/// The hash in the fragment of a requirement's URL, if it has one.
///
/// # Errors
/// A hash other than one SHA-256 digest, in words.
pub fn url_hash(requirement: &Requirement<VerbatimUrl>) -> Result<Option<FileHash>, String> {
    match &requirement.version_or_url {
        Some(VersionOrUrl::Url(url)) => of_fragment(url.raw()),
        _ => Ok(None),
    }
}

/// The hash in the fragment of a URL (`#sha256=…`, which may be next to `egg=` and `subdirectory=`).
///
/// # Errors
/// A hash other than one SHA-256 digest: resolving knows a file by that alone, so nothing else would be checked.
pub(super) fn of_fragment(url: &Url) -> Result<Option<FileHash>, String> {
    let parts = url.fragment().unwrap_or_default().split('&');
    let stated = parts.filter_map(|part| part.split_once('='));
    let mut stated = stated.filter(|(key, _)| FRAGMENT_KEYS.contains(key));
    let Some((key, value)) = stated.next() else {
        return Ok(None);
    };
    if key != "sha256" || stated.next().is_some() {
        return Err(format!(
            "the hash `{key}` of a URL cannot be checked: write one `#sha256=…`"
        ));
    }
    let hash = format!("{key}:{value}").parse::<FileHash>();
    hash.map(Some).map_err(|why| why.to_string())
}

/// The URL with this SHA-256 digest in its fragment, for uv, which checks it before it builds anything.
pub(super) fn with_fragment(url: &Url, hash: &FileHash) -> Url {
    let mut url = url.clone();
    let parts = url.fragment().unwrap_or_default().split('&');
    let kept = parts.filter(|part| !part.is_empty() && !part.starts_with("sha256="));
    let own = format!("sha256={}", hash.hex);
    let all: Vec<&str> = std::iter::once(own.as_str()).chain(kept).collect();
    let fragment = all.join("&");
    url.set_fragment(Some(&fragment));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_pip_refuses_is_refused_with_its_reason() {
        let hash: FileHash = format!("sha256:{}", EMPTY.to_uppercase()).parse().unwrap();
        assert_eq!(hash.to_string(), format!("sha256:{EMPTY}"));
        let refused = |text: &str| text.parse::<FileHash>().expect_err(text).to_string();
        for text in [
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            "sha1:00",
            "sha256",
            "",
        ] {
            assert!(refused(text).contains("is not a hash"), "{text}");
        }
        assert!(refused("sha256:aa").contains("64 hexadecimal digits"));
        assert!(refused(&format!("sha512:{EMPTY}")).contains("128 hexadecimal digits"));
        assert!(refused(&format!("sha256:{}", "g".repeat(64))).contains("is not a sha256 digest"));
    }

    #[test]
    fn digests_are_those_of_the_content() {
        let all = FileHash::all_of(&mut &b""[..]).unwrap();
        assert_eq!(all[0].hex(), EMPTY);
        let lengths: Vec<usize> = all.iter().map(|hash| hash.hex().len()).collect();
        assert_eq!(lengths, [64, 96, 128]);
        for hash in &all {
            assert_eq!(hash.to_string().parse().as_ref(), Ok(hash));
        }
    }

    #[test]
    fn a_fragment_states_one_sha256_or_nothing() {
        let of = |fragment: &str| {
            let url = format!("https://example.org/a-1.tar.gz#{fragment}");
            of_fragment(&url.parse().unwrap())
        };
        assert_eq!(of("egg=a&subdirectory=b"), Ok(None));
        let hash = of(&format!("egg=a&sha256={EMPTY}")).unwrap().unwrap();
        assert_eq!(hash.hex(), EMPTY);
        for weak in ["md5=00", "sha1=00", "sha512=00", "sha256=00"] {
            assert!(of(weak).is_err(), "{weak}");
        }
        assert!(of(&format!("sha256={EMPTY}&sha256={EMPTY}")).is_err());
        let url = "https://example.org/a.whl#egg=a&sha256=00".parse().unwrap();
        let set = with_fragment(&url, &hash);
        assert_eq!(set.fragment(), Some(&*format!("sha256={EMPTY}&egg=a")));
    }
}
