//! Records as the Synchronizer reads them from lists, and who it takes them to be from.

use serde_json::value::RawValue;

use crate::callbacks::{Impression, Instance};
use crate::recorder::outbox::Record;
use crate::recorder::records::StoredEvent;
use crate::wire::recording::{EventElement, FullImpression, ImpressionElement, Metadata};

/// Who records.
#[derive(Debug)]
pub(super) struct Identity {
    /// As it is in elements.
    metadata: Box<RawValue>,
    /// As it is in fields of hashes: three parts and their separators.
    field: Box<str>,
}

impl Identity {
    /// `/` separates the parts of a field, and their number is checked: it becomes `-`, everywhere alike.
    pub(super) fn of(instance: &Instance) -> Result<Self, serde_json::Error> {
        let [sdk_version, machine_name, machine_ip] =
            [&instance.sdk_version, &instance.machine_name, &instance.machine_ip].map(|part| part.replace('/', "-"));
        let field = format!("{sdk_version}/{machine_name}/{machine_ip}");
        let metadata = Metadata { sdk_version: &sdk_version, machine_name: &machine_name, machine_ip: &machine_ip };
        Ok(Identity { metadata: serde_json::value::to_raw_value(&metadata)?, field: field.into() })
    }

    pub(super) fn field(&self) -> &str {
        &self.field
    }
}

/// A record that becomes an element of a list.
pub(super) trait Element: Record {
    /// JSON.
    fn element(&self, by: &Identity) -> Result<Vec<u8>, serde_json::Error>;
}

impl Element for Impression {
    fn element(&self, by: &Identity) -> Result<Vec<u8>, serde_json::Error> {
        let impression = FullImpression {
            key: &self.key,
            bucketing_key: self.bucketing_key.as_deref(),
            flag: &self.flag,
            treatment: self.treatment.as_str(),
            label: self.label.map(|label| label.as_str()),
            change_number: self.change_number,
            time: self.time,
            previous_time: self.previous_time,
            properties: self.properties.as_deref(),
        };
        serde_json::to_vec(&ImpressionElement { metadata: &by.metadata, impression })
    }
}

impl Element for StoredEvent {
    fn element(&self, by: &Identity) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&EventElement { metadata: &by.metadata, event: self.on_the_wire() })
    }
}
