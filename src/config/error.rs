//! What can be wrong with a configuration, in words for people who do not have the source code.
//!
//! They see a message in the log of somebody else's program. So it names the option as documented, shows what was
//! given, unless that is a secret, and says what would do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::logging::Level;

/// Why a configuration cannot work. No message holds the value of a secret option.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No option has this name.
    #[error("unknown option {}{}", Cut(.name), did_you_mean(.nearest))]
    UnknownOption {
        /// What was given.
        name: String,
        /// The option that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The option does not take this value.
    #[error("option {name}: {value} is not {wanted}")]
    Unusable {
        /// The option.
        name: &'static str,
        /// The value as it may be shown; "the value" of a secret option.
        value: String,
        /// What would have been usable.
        wanted: String,
    },
    /// The option takes something that text and JSON cannot hold.
    #[error("option {name} is not set by text or JSON but by {by}")]
    OnlyByCode {
        /// The option.
        name: &'static str,
        /// How it is set.
        by: &'static str,
    },
    /// The configuration is not JSON.
    #[error("the configuration is not JSON: {cause}")]
    NotJson {
        /// What the JSON reader says.
        #[source]
        cause: serde_json::Error,
    },
    /// The configuration is JSON of another type.
    #[error("the configuration is not a JSON object but {found}")]
    NotAnObject {
        /// The type that was found.
        found: &'static str,
    },
    /// A file cannot be read.
    #[error("option {name}: cannot read {}: {cause}", Cut(&.path.to_string_lossy()))]
    File {
        /// The option.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A file has no PEM block in it.
    #[error("option {name}: there is no certificate or key in PEM format in {}", Cut(&.path.to_string_lossy()))]
    NotPem {
        /// The option.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// An option works only together with another, which is missing.
    #[error("option {name} needs {missing} too")]
    Incomplete {
        /// The option that was given.
        name: &'static str,
        /// The one that was not.
        missing: &'static str,
    },
    /// Two options exclude each other.
    #[error("options {name} and {other} exclude each other")]
    Exclusive {
        /// One of them.
        name: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A list of hosts is empty.
    #[error("option {name}: the list is empty")]
    NoNodes {
        /// The option.
        name: &'static str,
    },
    /// A base URL is none.
    #[error("option {name}: {value} is not usable as a base URL: {problem}")]
    BaseUrl {
        /// The option.
        name: &'static str,
        /// The value as it may be shown.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The name of a header of customHeaders cannot be sent.
    #[error("option customHeaders: {} is not the name of a header", Cut(.header))]
    HeaderName {
        /// The name.
        header: String,
    },
    /// The value of a header of customHeaders cannot be sent. It is not shown: it may be a token.
    #[error("option customHeaders: the value of {} has characters that a header cannot hold", Cut(.header))]
    HeaderValue {
        /// The header's name.
        header: String,
    },
    /// Kerberos is not supported.
    #[error(
        "option httpAuthenticateScheme: {scheme} is not supported; use NONE, and a proxy that does not ask for Kerberos"
    )]
    Kerberos {
        /// The scheme asked for.
        scheme: &'static str,
    },
    /// Pluggable storage is not available.
    #[error("option storageType: pluggable storage is not available yet; leave storageType out, or use Redis")]
    Pluggable,
    /// A cluster has one database only.
    #[error("option redisDb: a cluster has database 0 only, not {db}")]
    ClusterDatabase {
        /// The database asked for.
        db: i64,
    },
    /// Localhost mode without a file to read.
    #[error("localhost mode needs the option splitFile, because HOME is not set")]
    NoHome,
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Something to log when a factory is made from a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Shows text on one line and cut to a length at which a message still says what is wrong.
pub(super) struct Cut<'a>(pub(super) &'a str);

/// Longest piece of a user's text in a message, in characters.
const SHOWN: usize = 60;

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for c in rest.by_ref().take(SHOWN) {
            match c {
                '"' | '\'' | '\\' => write!(f, "{c}")?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        if rest.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}
