//! A platform as images state it: `x86_64-manylinux_2_41`, `aarch64-musllinux_1_2`, `linux/arm64-manylinux_2_28`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a platform: {reason}")]
pub struct PlatformError {
    text: String,
    reason: String,
}

/// A Linux platform. Prints as `x86_64-manylinux_2_41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    /// Processor architecture.
    pub arch: Arch,
    /// C library with the newest version of its interface that the image has.
    pub libc: Libc,
}

/// A processor architecture for which Linux wheels exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Arch {
    X86_64,
    Aarch64,
    Ppc64le,
    S390x,
    Armv7l,
    Riscv64,
    I686,
}

/// The C library of an image: its kind and version decide the wheels (PEP 600, PEP 656).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Libc {
    /// GNU libc 2.x: `manylinux_2_x`.
    Glibc {
        /// The x of 2.x.
        minor: u16,
    },
    /// musl 1.x: `musllinux_1_x`.
    Musl {
        /// The x of 1.x.
        minor: u16,
    },
}

impl Arch {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::X86_64, "x86_64", "amd64"),
        (Self::Aarch64, "aarch64", "arm64"),
        (Self::Ppc64le, "ppc64le", "ppc64le"),
        (Self::S390x, "s390x", "s390x"),
        (Self::Armv7l, "armv7l", "arm/v7"),
        (Self::Riscv64, "riscv64", "riscv64"),
        (Self::I686, "i686", "386"),
    ];

    /// As `platform_machine` and wheel tags say it: `x86_64`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(arch, ..)| *arch == self)
            .map_or("", |(_, name, _)| name)
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, uname, docker)| *uname == text || *docker == text)
            .map(|(arch, ..)| *arch)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Takes `ARCH-manylinux_2_N` or `ARCH-musllinux_1_N`; ARCH as `uname -m` or, with or without `linux/` before it, as
    /// container registries say it (`amd64`, `arm64`).
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let fail = |reason: String| PlatformError {
            text: text.to_owned(),
            reason,
        };
        let rest = text.strip_prefix("linux/").unwrap_or(text);
        let Some((arch, libc)) = rest.rsplit_once('-') else {
            return Err(fail(format!(
                "the C library is missing; write `{rest}-manylinux_2_28` (glibc 2.28) or `{rest}-musllinux_1_2`"
            )));
        };
        let arch = Arch::named(arch).ok_or_else(|| {
            let known: Vec<_> = Arch::ALL.iter().map(|(_, name, _)| *name).collect();
            // No part is repeated by itself: of a mistyped URL it may be half of a password.
            fail(format!(
                "its architecture is unknown; known are {}",
                known.join(", ")
            ))
        })?;
        let libc = parse_libc(libc).ok_or_else(|| {
            fail("it does not end with a C library: `manylinux_2_N` or `musllinux_1_N`".to_owned())
        })?;
        Ok(Self { arch, libc })
    }
}

fn parse_libc(text: &str) -> Option<Libc> {
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    match text {
        "manylinux2014" => Some(Libc::Glibc { minor: 17 }),
        "manylinux2010" => Some(Libc::Glibc { minor: 12 }),
        "manylinux1" => Some(Libc::Glibc { minor: 5 }),
        _ => match text.strip_prefix("manylinux_2_") {
            Some(minor) => Some(Libc::Glibc {
                minor: number(minor)?,
            }),
            None => Some(Libc::Musl {
                minor: number(text.strip_prefix("musllinux_1_")?)?,
            }),
        },
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;
    fn try_from(text: String) -> Result<Self, PlatformError> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.libc {
            Libc::Glibc { minor } => write!(f, "{}-manylinux_2_{minor}", self.arch.as_str()),
            Libc::Musl { minor } => write!(f, "{}-musllinux_1_{minor}", self.arch.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_platform() {
        for text in [
            "aarch64-manylinux_2_28",
            "arm64-manylinux_2_28",
            "linux/arm64-manylinux_2_28",
        ] {
            let platform: Platform = text.parse().expect(text);
            assert_eq!(platform.to_string(), "aarch64-manylinux_2_28");
        }
        let old: Platform = "x86_64-manylinux2014".parse().expect("valid");
        assert_eq!(old.to_string(), "x86_64-manylinux_2_17");
        let arm: Platform = "linux/arm/v7-musllinux_1_2".parse().expect("valid");
        assert_eq!(arm.to_string(), "armv7l-musllinux_1_2");
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |text: &str| text.parse::<Platform>().expect_err(text).to_string();
        assert!(message("linux/arm64").contains("arm64-manylinux_2_28"));
        assert!(message("mips-manylinux_2_28").contains("x86_64, aarch64"));
        assert!(message("x86_64-darwin").contains("manylinux_2_N"));
        assert!(message("x86_64-manylinux_2_").contains("manylinux_2_N"));
    }
}
