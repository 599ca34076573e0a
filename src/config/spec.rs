//! What the table says about an option: everything that parser, messages and documentation need to treat it as any
//! other.

/// One option of the configuration.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionSpec {
    /// As Split documents it, such as "featuresRefreshRate".
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as JSON; `null` when there is none.
    pub default_json: &'static str,
    /// What it does, in sentences.
    pub description: &'static str,
    /// False: accepted so that a configuration can be shared between SDKs, and ignored with a warning.
    pub supported: bool,
    /// The heading it stands under in the documentation.
    pub group: Group,
    /// The modes that read it.
    pub modes: &'static str,
    /// What a number counts.
    pub unit: Unit,
    /// Which numbers of the kind are used as they are.
    pub range: Range,
    /// Whether its value is kept out of every message.
    pub secret: bool,
    /// Whether a wrong type is an error even without strictConfig: going on with the default would be less safe, or
    /// would talk to somebody else.
    pub firm: bool,
    pub(super) initial: Initial,
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A whole number; fractions are rounded up.
    RoundedUp,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Any text.
    Text,
    /// One of these texts, in any letter case.
    Enum(&'static [&'static str]),
    /// The same, or the place of a text in the list: 0 or false for the first.
    EnumOrIndex(&'static [&'static str]),
    /// A list of texts; as text, separated by commas.
    Names,
    /// A list of hosts with their ports: `host:port,host:port`, `[["host", 1]]` or `["host:1"]`.
    Nodes,
    /// A JSON object.
    Object,
    /// Something that only code can give; the text says how.
    Code(&'static str),
}

impl Kind {
    /// The name that the C API gives it: "integer", "number", "boolean", "string", "enum", "list" or "object".
    pub fn name(self) -> &'static str {
        match self {
            Kind::Integer | Kind::RoundedUp => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Text => "string",
            Kind::Enum(_) | Kind::EnumOrIndex(_) => "enum",
            Kind::Names | Kind::Nodes => "list",
            Kind::Object | Kind::Code(_) => "object",
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    None,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// Which numbers are used as they are. Any other gives a warning, never an error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Range {
    /// Every one.
    Any,
    /// Those from `min` to `max`; the default replaces any other.
    Within {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Those from `min` to `max`; a smaller one becomes `min`, a larger one the default.
    Raised {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
}

/// A heading of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`title` says what they are")]
pub enum Group {
    General,
    Refresh,
    Impressions,
    Events,
    Identity,
    Localhost,
    Redis,
    Fallback,
    Network,
    Pluggable,
    Ignored,
}

impl Group {
    /// The heading's text.
    pub fn title(self) -> &'static str {
        match self {
            Group::General => "General",
            Group::Refresh => "Refresh and streaming",
            Group::Impressions => "Impressions",
            Group::Events => "Events and telemetry",
            Group::Identity => "Identity",
            Group::Localhost => "Localhost",
            Group::Redis => "Redis",
            Group::Fallback => "Fallback treatments",
            Group::Network => "Network",
            Group::Pluggable => "Pluggable storage",
            Group::Ignored => "Accepted and ignored",
        }
    }
}

/// A default with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Initial {
    None,
    Integer(i64),
    Boolean(bool),
    Text(&'static str),
}

impl OptionSpec {
    /// An option of any value; the rest of its row says what is special about it.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        (initial, default_json): (Initial, &'static str),
        modes: &'static str,
        description: &'static str,
    ) -> Self {
        OptionSpec {
            name,
            kind,
            default_json,
            description,
            supported: true,
            group: Group::General,
            modes,
            unit: Unit::None,
            range: Range::Any,
            secret: false,
            firm: false,
            initial,
        }
    }

    pub(super) const fn seconds(mut self) -> Self {
        self.unit = Unit::Seconds;
        self
    }

    pub(super) const fn milliseconds(mut self) -> Self {
        self.unit = Unit::Milliseconds;
        self
    }

    pub(super) const fn raised_to(mut self, min: f64) -> Self {
        self.range = Range::Raised { min, max: f64::INFINITY };
        self
    }

    pub(super) const fn raised_within(mut self, min: f64, max: f64) -> Self {
        self.range = Range::Raised { min, max };
        self
    }

    pub(super) const fn at_least(mut self, min: f64) -> Self {
        self.range = Range::Within { min, max: f64::INFINITY };
        self
    }

    pub(super) const fn within(mut self, min: f64, max: f64) -> Self {
        self.range = Range::Within { min, max };
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn firm(mut self) -> Self {
        self.firm = true;
        self
    }

    pub(super) const fn ignored(mut self) -> Self {
        self.supported = false;
        self
    }

    pub(super) const fn under(mut self, group: Group) -> Self {
        self.group = group;
        self
    }

    /// Its name in snake case, which is accepted too: "features_refresh_rate", "ip_addresses_enabled".
    pub fn snake_name(&self) -> String {
        snake(self.name).collect()
    }
}

/// The characters of a camel case name in snake case. A run of capitals is one word, whose last letter belongs to the
/// next word if a small letter follows: `IPAddressesEnabled`.
pub(super) fn snake(name: &str) -> impl Iterator<Item = char> {
    let bytes = name.as_bytes();
    bytes.iter().enumerate().flat_map(move |(at, byte)| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let starts_word = byte.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_uppercase() && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase)
            });
        starts_word.then_some('_').into_iter().chain([char::from(byte.to_ascii_lowercase())])
    })
}
