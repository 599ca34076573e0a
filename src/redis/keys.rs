//! The names of everything in Redis: those that Split's Synchronizer reads and writes, letter by letter.

use crate::config::RedisConfig;

/// Makes keys: what the Synchronizer calls them, behind the prefix and a cluster's hash tag.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// All before `SPLITIO`.
    prefix: Box<str>,
}

impl Keys {
    /// The keys of a configuration.
    pub(crate) fn of(config: &RedisConfig) -> Self {
        let tag = if config.cluster_nodes.is_empty() { "" } else { &config.cluster_key_hash_tag };
        let prefix = config.prefix.as_deref().unwrap_or_default();
        let dot = if tag.is_empty() && prefix.is_empty() { "" } else { "." };
        Keys { prefix: format!("{tag}{prefix}{dot}").into() }
    }

    fn key(&self, rest: &str, name: &str) -> String {
        [&*self.prefix, "SPLITIO.", rest, name].concat()
    }

    /// The definition of a flag.
    pub(crate) fn flag(&self, name: &str) -> String {
        self.key("split.", name)
    }

    /// The name in a key of [`Keys::flag`].
    pub(crate) fn flag_name<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&*self.prefix)?.strip_prefix("SPLITIO.split.")
    }

    /// A pattern for `SCAN` that the keys of all flags match.
    pub(crate) fn flags_pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.prefix.len() + 16);
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push_str("SPLITIO.split.*");
        pattern
    }

    /// The names of the flags in a flag set.
    pub(crate) fn flag_set(&self, name: &str) -> String {
        self.key("flagSet.", name)
    }

    /// How many flags have a traffic type.
    pub(crate) fn traffic_type(&self, name: &str) -> String {
        self.key("trafficType.", name)
    }

    /// The keys in a segment.
    pub(crate) fn segment(&self, name: &str) -> String {
        self.key("segment.", name)
    }

    /// The definition of a rule-based segment.
    pub(crate) fn rule_based_segment(&self, name: &str) -> String {
        self.key("rbsegment.", name)
    }

    /// The list of impressions.
    pub(crate) fn impressions(&self) -> String {
        self.key("impressions", "")
    }

    /// The list of events.
    pub(crate) fn events(&self) -> String {
        self.key("events", "")
    }

    /// The list of unique keys.
    pub(crate) fn unique_keys(&self) -> String {
        self.key("uniquekeys", "")
    }

    /// The hash of impression counts.
    pub(crate) fn impression_counts(&self) -> String {
        self.key("impressions.count", "")
    }

    /// The hash of latencies.
    pub(crate) fn latencies(&self) -> String {
        self.key("telemetry.latencies", "")
    }

    /// The hash of exceptions.
    pub(crate) fn exceptions(&self) -> String {
        self.key("telemetry.exceptions", "")
    }

    /// The hash of what SDKs say of themselves when they start.
    pub(crate) fn init(&self) -> String {
        self.key("telemetry.init", "")
    }
}
