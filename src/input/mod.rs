//! Validation of everything a caller hands in.
//!
//! A caller learns from the log what was wrong with a call, and the call still answers. So a validator takes a value as
//! it came ([`Given`]) and the method it came to, complains there, and gives back what is usable, or nothing. What it
//! gives borrows from the caller wherever the rules allow, and the plain case costs a few comparisons.

mod attribute_name;
mod attributes;
#[cfg(test)]
mod conformance;
mod event;
mod factory;
mod flag_set;
mod given;
mod key;
mod key_rule;
mod name;
mod properties;
mod text;

pub(crate) use attribute_name::AttributeName;
pub use attributes::{Attributes, AttributesError, List, Value};
pub(crate) use attributes::{members, push_json, push_json_text, read_text};
pub(crate) use event::{event_type, event_value, traffic_type};
pub(crate) use factory::{SdkKey, other_factories, sdk_key};
pub(crate) use flag_set::flag_sets;
pub(crate) use given::Refused;
pub use given::{Given, Method};
pub use key::Key;
pub(crate) use key_rule::{KeyTexts, is_plain_key, key, key_text, keys};
pub(crate) use name::{flag_name, flag_names, is_plain_flag_name, unknown_flag, usable_name, usable_names};
pub(crate) use properties::{Properties, attributes, properties, properties_from_json};
pub(crate) use text::{is_blank, is_space, same, shown, trim};
