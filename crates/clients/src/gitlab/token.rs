//! Tokens, and what a call needs of one.
//!
//! Which token goes with which call is decided here: a personal, project or group access token where there is one, the
//! job's own where it suffices. Refuses to show a token's value.

use std::fmt;

use super::error::GitlabError;
use pannier_base::secret;

/// The kinds of tokens that GitLab takes in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A personal, project or group access token.
    Access,
    /// The token of a running job (`CI_JOB_TOKEN`).
    Job,
}

/// A token, and where it was found. Shown as the latter only.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: Kind,
    value: String,
    source: String,
}

impl Token {
    /// A token from `source`: a variable's or flag's name. It is a known secret from here on.
    #[must_use]
    pub fn new(kind: Kind, value: impl Into<String>, source: impl Into<String>) -> Self {
        let value = value.into();
        secret::know(&value);
        Self {
            kind,
            value,
            source: source.into(),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it was found.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The header that carries it, for the connection only.
    #[must_use]
    pub fn header(&self) -> (&'static str, &str) {
        let name = match self.kind {
            Kind::Access => "private-token",
            Kind::Job => "job-token",
        };
        (name, &self.value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?} from {})", self.kind, self.source)
    }
}

/// The usual minimum that GitLab asks for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 10
    Guest,
    /// 20
    Reporter,
    /// 30
    Developer,
    /// 40
    Maintainer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Guest => "Guest",
            Self::Reporter => "Reporter",
            Self::Developer => "Developer",
            Self::Maintainer => "Maintainer",
        })
    }
}

/// What a call needs of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The scope: `read_api` or `api`.
    pub scope: &'static str,
    /// The role in the project.
    pub role: Role,
    /// Whether the token of a running job suffices.
    pub job: bool,
}

impl Needs {
    /// Reading, as a member who may see the repository; not with a job's token.
    pub const READ: Self = Self {
        scope: "read_api",
        role: Role::Reporter,
        job: false,
    };

    /// Reading for which a job's token suffices.
    pub const READ_BY_JOB: Self = Self {
        job: true,
        ..Self::READ
    };

    /// Writing as a developer; not with a job's token.
    pub const WRITE: Self = Self {
        scope: "api",
        role: Role::Developer,
        job: false,
    };

    /// Writing for which a job's token suffices.
    pub const WRITE_BY_JOB: Self = Self {
        job: true,
        ..Self::WRITE
    };

    /// Changing settings as a maintainer; not with a job's token.
    pub const MAINTAIN: Self = Self {
        scope: "api",
        role: Role::Maintainer,
        job: false,
    };
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an access token with scope `{}` and role {} or higher in the project",
            self.scope, self.role
        )?;
        if self.job {
            f.write_str(
                ", or CI_JOB_TOKEN of a running job that the project's job token allowlist permits",
            )?;
        }
        Ok(())
    }
}

/// The tokens for one GitLab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    access: Option<Token>,
    job: Option<Token>,
}

impl Tokens {
    /// These tokens; of each kind the first one counts.
    #[must_use]
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut all = Self::default();
        for token in tokens {
            let place = match token.kind {
                Kind::Access => &mut all.access,
                Kind::Job => &mut all.job,
            };
            place.get_or_insert(token);
        }
        all
    }

    /// The access token.
    #[must_use]
    pub const fn access(&self) -> Option<&Token> {
        self.access.as_ref()
    }

    /// The job's token.
    #[must_use]
    pub const fn job(&self) -> Option<&Token> {
        self.job.as_ref()
    }

    /// The token for a call: the access token where there is one, else the job's where that suffices. `None` when there is
    /// no token at all and the call only reads: public projects answer that.
    ///
    /// # Errors
    /// [`GitlabError::NoToken`] says what is needed.
    pub(super) fn for_needs(&self, needs: &Needs) -> Result<Option<&Token>, GitlabError> {
        if let Some(token) = &self.access {
            return Ok(Some(token));
        }
        match &self.job {
            Some(token) if needs.job => Ok(Some(token)),
            None if needs.scope == Needs::READ.scope => Ok(None),
            job => Err(GitlabError::NoToken {
                needs: *needs,
                job: job.is_some(),
            }),
        }
    }
}
