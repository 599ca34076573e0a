//! The headers of every kind of request.
//!
//! Made once, when the factory is: a key that no header can hold is found then and not at the first request, and each
//! kind carries what the protocol gives it and nothing that belongs to another.

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};

use super::call::Endpoint;
use super::error::SetupError;
use super::settings::{IdentityHeaders, TransportSettings};

const SDK_VERSION: HeaderName = HeaderName::from_static("splitsdkversion");
const MACHINE_IP: HeaderName = HeaderName::from_static("splitsdkmachineip");
const MACHINE_NAME: HeaderName = HeaderName::from_static("splitsdkmachinename");
const CLIENT_KEY: HeaderName = HeaderName::from_static("splitsdkclientkey");
const IMPRESSIONS_MODE: HeaderName = HeaderName::from_static("splitsdkimpressionsmode");

/// Whether a request goes to the host that the options name, or to another that the first redirected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Gets everything.
    Home,
    /// Gets neither the SDK key nor custom headers, which may be secrets too.
    Foreign,
}

/// What every request carries.
pub(super) struct Headers {
    authorization: HeaderValue,
    client_key: HeaderValue,
    identity: HeaderMap,
    custom: HeaderMap,
    impressions_mode: &'static str,
}

impl Headers {
    pub(super) fn new(settings: &TransportSettings) -> Result<Self, SetupError> {
        let key = settings.sdk_key.as_str();
        if !key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(SetupError::SdkKey);
        }
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| SetupError::SdkKey)?;
            value.set_sensitive(true);
            Ok(value)
        };
        // All of it is ASCII, so this cuts between characters.
        let last_four = &key[key.len().saturating_sub(4)..];
        Ok(Headers {
            authorization: secret(&format!("Bearer {key}"))?,
            client_key: secret(last_four)?,
            identity: identity(&settings.identity),
            custom: custom(&settings.custom_headers)?,
            impressions_mode: settings.impressions_mode,
        })
    }

    /// Of a fetch.
    pub(super) fn of_get(&self, audience: Audience) -> HeaderMap {
        let mut headers = self.of_any(audience);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers
    }

    /// Of a post.
    pub(super) fn of_post(&self, endpoint: Endpoint) -> HeaderMap {
        let mut headers = self.of_any(Audience::Home);
        if matches!(endpoint, Endpoint::Impressions | Endpoint::ImpressionCounts) {
            headers.insert(IMPRESSIONS_MODE, HeaderValue::from_static(self.impressions_mode));
        }
        headers
    }

    /// Of the stream: the token is in its query, so the key stays at home, and compression would hold events back.
    pub(super) fn of_stream(&self) -> HeaderMap {
        let mut headers = self.custom.clone();
        headers.remove(AUTHORIZATION);
        headers.remove(CONTENT_TYPE);
        headers.remove(ACCEPT_ENCODING);
        headers.extend(self.identity.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CLIENT_KEY, self.client_key.clone());
        headers
    }

    /// Ours are put over the custom ones, so that these never replace them.
    fn of_any(&self, audience: Audience) -> HeaderMap {
        let mut headers = match audience {
            Audience::Home => self.custom.clone(),
            Audience::Foreign => HeaderMap::new(),
        };
        headers.extend(self.identity.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if audience == Audience::Home {
            headers.insert(AUTHORIZATION, self.authorization.clone());
        }
        headers
    }
}

fn identity(given: &IdentityHeaders) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name, text: &str| {
        if let Some(value) = latin1(text) {
            headers.insert(name, value);
        }
    };
    add(SDK_VERSION, &given.sdk_version);
    // Both or none, as the Python SDK does: these two words stand for "not told" and "not found".
    if !matches!(given.machine_ip.as_str(), "NA" | "unknown") {
        add(MACHINE_IP, &given.machine_ip);
        add(MACHINE_NAME, &given.machine_name);
    }
    headers
}

/// The text without what HTTP cannot carry: characters beyond Latin-1, and controls. `None` when nothing is left.
fn latin1(text: &str) -> Option<HeaderValue> {
    let bytes: Vec<u8> =
        text.chars().filter(|c| !c.is_control()).filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let value = HeaderValue::from_maybe_shared(Bytes::from(bytes)).ok()?;
    (!value.is_empty()).then_some(value)
}

fn custom(given: &[(String, String)]) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refused = || SetupError::CustomHeader { name: name.clone() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}
