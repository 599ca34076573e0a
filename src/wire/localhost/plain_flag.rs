//! A flag of a YAML or plain text file: who gets which treatment, and nothing else.
//!
//! It becomes a definition as the backend would send it, so that what follows knows one kind of flag.

use std::borrow::Cow;

use crate::input::push_json_text;

/// What such files can say about a flag.
#[derive(Debug)]
pub(super) struct PlainFlag<'a> {
    name: Cow<'a, str>,
    /// Keys and their treatment, first match first.
    for_keys: Vec<(Vec<Cow<'a, str>>, Cow<'a, str>)>,
    /// Treatments for everybody else. All of them, though only the first counts: the manager shows them.
    for_all: Vec<Cow<'a, str>>,
    /// Treatments and their configuration.
    configs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> PlainFlag<'a> {
    pub(super) fn new(name: Cow<'a, str>) -> Self {
        PlainFlag { name, for_keys: Vec::new(), for_all: Vec::new(), configs: Vec::new() }
    }

    /// Adds a treatment: for these keys, or for all.
    pub(super) fn serve(&mut self, treatment: Cow<'a, str>, keys: Option<Vec<Cow<'a, str>>>) {
        match keys {
            Some(keys) => self.for_keys.push((keys, treatment)),
            None => self.for_all.push(treatment),
        }
    }

    /// Sets the configuration of a treatment, wherever it is served; `None` takes it away.
    pub(super) fn configure(&mut self, treatment: Cow<'a, str>, config: Option<Cow<'a, str>>) {
        self.configs.retain(|(known, _)| *known != treatment);
        self.configs.extend(config.map(|config| (treatment, config)));
    }

    /// The definition. Seeds, change number and labels are those of Split's Python SDK; a listener sees them.
    pub(super) fn into_json(self) -> String {
        let mut json = String::from(r#"{"name":"#);
        push_json_text(&mut json, &self.name);
        json.push_str(concat!(
            r#","trafficTypeName":"user","trafficAllocation":100,"trafficAllocationSeed":123456,"seed":321654,"#,
            r#""status":"ACTIVE","killed":false,"defaultTreatment":"control","changeNumber":123,"algo":2,"#,
            r#""sets":[],"prerequisites":[],"conditions":["#
        ));
        let for_keys = self.for_keys.iter().map(|(keys, treatment)| (Some(keys), treatment));
        let for_all = self.for_all.iter().map(|treatment| (None, treatment));
        for (index, (keys, treatment)) in for_keys.chain(for_all).enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_condition(&mut json, keys.map(Vec::as_slice), treatment);
        }
        json.push_str(r#"],"configurations":{"#);
        for (index, (treatment, config)) in self.configs.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_json_text(&mut json, treatment);
            json.push(':');
            push_json_text(&mut json, config);
        }
        json.push_str("}}");
        json
    }
}

fn push_condition(json: &mut String, keys: Option<&[Cow<'_, str>]>, treatment: &str) {
    json.push_str(concat!(
        r#"{"conditionType":"WHITELIST","label":"some_other_label","matcherGroup":{"combiner":"AND","#,
        r#""matchers":[{"keySelector":null,"negate":false,"matcherType":"#
    ));
    match keys {
        Some(keys) => {
            json.push_str(r#""WHITELIST","whitelistMatcherData":{"whitelist":["#);
            for (index, key) in keys.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                push_json_text(json, key);
            }
            json.push_str("]}");
        }
        None => json.push_str(r#""ALL_KEYS""#),
    }
    json.push_str(r#"}]},"partitions":[{"size":100,"treatment":"#);
    push_json_text(json, treatment);
    json.push_str("}]}");
}
