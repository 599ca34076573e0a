//! Streaming tokens: shaped as the real ones (a JWT by Ably's rules), valid here as long as we say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::settings::Settings;

/// The channel of flags and rule-based segments.
pub(crate) const SPLITS: &str = "b3JnMQ==_ZW52Nw==_splits";
/// The channel of segments.
pub(crate) const SEGMENTS: &str = "b3JnMQ==_ZW52Nw==_segments";
/// Control channels, whose occupancy is told.
pub(crate) const CONTROLS: [&str; 2] = ["control_pri", "control_sec"];

/// Ably's code for a token whose time is over.
pub(crate) const EXPIRED: u64 = 40142;
/// Ably's code for a token it never issued.
pub(crate) const INVALID: u64 = 40101;

/// The tokens of this backend, which are numbered.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    last: u64,
    expired: u64,
}

impl Tokens {
    pub(crate) fn issue(&mut self, settings: &Settings, now_ms: i64) -> String {
        self.last += 1;
        let mut capability = json!({SPLITS: ["subscribe"], SEGMENTS: ["subscribe"]});
        for channel in CONTROLS {
            capability[channel] = json!(["subscribe", "channel-metadata:publishers"]);
        }
        // Three in a row: one of them falls on the place where base64 makes a '_' of it.
        let client = if settings.token_url_safe { "???>>>" } else { "emulator" };
        let issued = now_ms / 1000;
        let payload = json!({
            "x-ably-capability": capability.to_string(), "x-ably-clientId": client,
            "iat": issued, "exp": issued + settings.token_life, "jti": self.last,
        });
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": "emulator"});
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.{}", encode(&header), encode(&payload), URL_SAFE_NO_PAD.encode("not verified"))
    }

    /// From now on no token issued so far opens a stream.
    pub(crate) fn expire(&mut self) {
        self.expired = self.last;
    }

    /// When the token ends, in milliseconds since the epoch; else Ably's error code.
    pub(crate) fn check(&self, token: &str, settings: &Settings, now_ms: i64) -> Result<i64, u64> {
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let payload: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
        let member = |name: &str| payload.as_ref()?.get(name)?.as_i64();
        let (Some(serial), Some(end)) = (member("jti").and_then(|serial| u64::try_from(serial).ok()), member("exp"))
        else {
            return Err(INVALID);
        };
        let end = end.saturating_mul(1000);
        match serial {
            serial if serial > self.last => Err(INVALID),
            serial if serial <= self.expired => Err(EXPIRED),
            _ if settings.token_expires && end <= now_ms => Err(EXPIRED),
            _ => Ok(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives() {
        let mut tokens = Tokens::default();
        let settings = Settings { token_life: 10, ..Settings::default() };
        let lasting = Settings { token_expires: false, ..settings.clone() };
        let token = tokens.issue(&settings, 5_000);
        for (token, settings, now, expected) in [
            (token.as_str(), &settings, 6_000, Ok(15_000)),
            (token.as_str(), &settings, 15_000, Err(EXPIRED)),
            (token.as_str(), &lasting, 15_000, Ok(15_000)),
            ("a.b.c", &settings, 6_000, Err(INVALID)),
            ("", &settings, 6_000, Err(INVALID)),
        ] {
            assert_eq!(tokens.check(token, settings, now), expected, "{token} {now}");
        }
        tokens.expire();
        assert_eq!(tokens.check(&token, &settings, 6_000), Err(EXPIRED));
        let next = tokens.issue(&settings, 6_000);
        assert_eq!(tokens.check(&next, &settings, 6_000), Ok(16_000));
        assert_eq!(Tokens::default().check(&next, &settings, 6_000), Err(INVALID), "another backend's");
    }

    #[test]
    fn the_alphabet_on_request() {
        let mut tokens = Tokens::default();
        let mut payload = |token_url_safe| {
            let token = tokens.issue(&Settings { token_url_safe, ..Settings::default() }, 0);
            token.split('.').nth(1).unwrap().to_owned()
        };
        assert!(!payload(false).contains(['-', '_']), "Split's Python SDK cannot read those");
        let awkward = payload(true);
        assert!(awkward.contains('-') && awkward.contains('_'), "{awkward}");
    }
}
