//! What the manager asks. Everything is read anew: nobody asks often.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::RedisStore;
use super::outage::Subject;
use crate::rules::{Flag, FlagView};

/// How many definitions one command reads.
const CHUNK: usize = 500;

impl RedisStore {
    /// The names of all flags, sorted; none if Redis does not say.
    pub(crate) fn flag_names(&self) -> Vec<String> {
        let keys = self.scan(&self.keys.flags_pattern()).unwrap_or_default();
        let names: BTreeSet<&str> = keys.iter().filter_map(|key| self.keys.flag_name(key)).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// All flags that can be used, in the order of their names; none if Redis does not say.
    pub(crate) fn flag_views(&self) -> Vec<FlagView> {
        let names = self.flag_names();
        let mut views = Vec::with_capacity(names.len());
        for names in names.chunks(CHUNK) {
            let keys = names.iter().map(|name| self.keys.flag(name)).collect();
            let [Some(texts)] = self.texts([(Subject::Flags, keys)], None) else { return Vec::new() };
            let flags = names.iter().zip(texts).filter_map(|(name, text)| self.compile_flag(name, &text?));
            views.extend(flags.map(|flag| flag.view()));
        }
        views
    }

    /// One flag. The outer none: Redis does not say.
    pub(crate) fn flag(&self, name: &str) -> Option<Option<Arc<Flag>>> {
        let text = self.text(Subject::Flags, &self.keys.flag(name), None)?;
        Some(text.and_then(|text| self.compile_flag(name, &text)))
    }
}
