//! The answer of the authentication: whether there is streaming, and with what token, for which channels, how long.
//!
//! The token is a JWT. Its signature is the server's business, and its times are only subtracted from each other: the
//! host's clock may be wrong. It opens the stream to whoever has it, so neither it nor a part of it is ever printed;
//! errors of JSON are kept only where they tell positions, not contents.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::json::{take_text, whole};
use crate::transport::{Call, Endpoint};

/// How long before its end a token is replaced, in seconds.
const REFRESH_BEFORE_END: i64 = 600;

/// When a token is replaced that does not live even that long.
const REFRESH_OF_SHORT: Duration = Duration::from_secs(50 * 60);

/// No token is kept for longer, so that the time of its replacement fits any clock.
const LONGEST_REFRESH: i64 = 365 * 24 * 60 * 60;

/// The most seconds that `connDelay` may ask for.
const LONGEST_DELAY: i64 = 300;

/// The capability that makes a channel one whose publishers are counted.
const PUBLISHERS: &str = "channel-metadata:publishers";

/// What such a channel's name begins with when it is asked for, and when it comes back in a message.
pub(super) const OCCUPANCY_PREFIX: &str = "[?occupancy=metrics.publishers]";

/// JWT is written without padding. Some proxies and stand-ins add it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What an answer of the authentication leads to.
#[derive(Debug)]
pub(super) enum Authentication {
    /// Connect.
    Continue(Grant),
    /// Wait and ask again. What Split calls `RETRYABLE`.
    Retryable(AuthError),
    /// Never ask again, and poll. What Split calls `NONRETRYABLE`.
    NonRetryable(AuthError),
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthError {
    /// Not a 2xx.
    #[error("the authentication for streaming was answered with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// `pushEnabled` is not true, or there is no token. Also what every Split Proxy says.
    #[error("streaming is not enabled for this SDK key")]
    NotEnabled,
    /// The body is not JSON.
    #[error("the answer of the authentication for streaming is not JSON")]
    Body(#[source] serde_json::Error),
    /// The body is JSON, but not the object that it should be.
    #[error("the answer of the authentication for streaming has no usable {member}")]
    Member {
        /// What is missing or of a wrong type.
        member: &'static str,
    },
    /// The token is no JWT: it does not have its parts.
    #[error("the token for streaming is not a JSON web token")]
    NotJwt,
    /// The second part of the token is not URL-safe base64.
    #[error("the token for streaming cannot be decoded")]
    Base64(#[source] base64::DecodeError),
    /// What the second part of the token holds, or the capabilities in it, is not JSON.
    #[error("the token for streaming does not hold JSON")]
    Payload(#[source] serde_json::Error),
    /// The token lacks something.
    #[error("the token for streaming has no usable {claim}")]
    Claim {
        /// What is missing or of a wrong type.
        claim: &'static str,
    },
    /// There is nothing that could be listened to.
    #[error("the token for streaming names no channel")]
    NoChannel,
}

/// A permission to stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    token: Token,
    /// The channels as they are asked for, not encoded.
    channels: String,
    /// How long after now, by a clock that nobody sets, to come for another one.
    pub(super) refresh_after: Duration,
    /// When the token ends, in milliseconds since 1970 by the server's clock. For telemetry only.
    pub(super) expires: i64,
    /// How long the server would like us to wait before connecting, at most five minutes.
    pub(super) connection_delay: Duration,
}

/// A token, kept from logs.
#[derive(PartialEq, Eq)]
struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Authentication {
    /// Reads an answer.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Authentication {
        match status {
            200..=299 => match Grant::read(body) {
                Ok(grant) => Authentication::Continue(grant),
                Err(error @ AuthError::NotEnabled) => Authentication::NonRetryable(error),
                Err(error) => Authentication::Retryable(error),
            },
            408 | 429 => Authentication::Retryable(AuthError::Status { status }),
            // A wrong key never heals.
            400..=499 => Authentication::NonRetryable(AuthError::Status { status }),
            _ => Authentication::Retryable(AuthError::Status { status }),
        }
    }
}

impl Grant {
    fn read(body: &[u8]) -> Result<Grant, AuthError> {
        // First any value, then an object: the error of the second would quote a value of another type, such as a
        // bare token.
        let Value::Object(mut answer) = serde_json::from_slice(body).map_err(AuthError::Body)? else {
            return Err(AuthError::Member { member: "object" });
        };
        match answer.get("pushEnabled") {
            Some(Value::Bool(true)) => {}
            None | Some(Value::Null | Value::Bool(false)) => return Err(AuthError::NotEnabled),
            Some(_) => return Err(AuthError::Member { member: "pushEnabled" }),
        }
        if !matches!(answer.get("token"), None | Some(Value::Null | Value::String(_))) {
            return Err(AuthError::Member { member: "token" });
        }
        let token = take_text(&mut answer, "token").ok_or(AuthError::NotEnabled)?;
        let delay = whole(&answer, "connDelay").unwrap_or(0).clamp(0, LONGEST_DELAY);

        let claims = claims(&token)?;
        let issued = seconds(&claims, "iat").ok_or(AuthError::Claim { claim: "iat" })?;
        let expires = seconds(&claims, "exp").ok_or(AuthError::Claim { claim: "exp" })?;
        Ok(Grant {
            channels: channels(&claims)?,
            token: Token(token),
            refresh_after: refresh_after(issued, expires),
            expires: expires.saturating_mul(1000),
            connection_delay: Duration::from_secs(delay.unsigned_abs()),
        })
    }

    /// The question for the stream. Its query is a secret: it holds the token.
    pub(super) fn call(&self) -> Call {
        Call::to(Endpoint::Stream)
            .query("v", "1.1")
            .query("accessToken", &self.token.0)
            .query("channels", &self.channels)
    }
}

/// The content of the token's second part.
fn claims(token: &str) -> Result<Map<String, Value>, AuthError> {
    let mut parts = token.split('.');
    let (Some(_header), Some(payload)) = (parts.next(), parts.next()) else { return Err(AuthError::NotJwt) };
    let payload = BASE64.decode(payload).map_err(AuthError::Base64)?;
    match serde_json::from_slice(&payload).map_err(AuthError::Payload)? {
        Value::Object(claims) => Ok(claims),
        _ => Err(AuthError::Claim { claim: "object" }),
    }
}

/// A time in a token, in whole seconds. JWT allows fractions.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    // The conversion saturates, and JSON has no NaN.
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

fn refresh_after(issued: i64, expires: i64) -> Duration {
    let delay = expires.saturating_sub(issued).saturating_sub(REFRESH_BEFORE_END);
    if delay <= 0 {
        return REFRESH_OF_SHORT;
    }
    Duration::from_secs(delay.min(LONGEST_REFRESH).unsigned_abs())
}

/// The channels that the token opens: first the plain ones, then those whose publishers are counted.
fn channels(claims: &Map<String, Value>) -> Result<String, AuthError> {
    let missing = AuthError::Claim { claim: "x-ably-capability" };
    let Some(Value::String(capabilities)) = claims.get("x-ably-capability") else { return Err(missing) };
    let Capabilities(capabilities) = serde_json::from_str(capabilities).map_err(AuthError::Payload)?;
    let (counted, plain): (Vec<_>, Vec<_>) = capabilities.into_iter().partition(|(_, is_counted)| *is_counted);
    let names: Vec<String> = plain
        .into_iter()
        .map(|(name, _)| name)
        .chain(counted.into_iter().map(|(name, _)| format!("{OCCUPANCY_PREFIX}{name}")))
        .collect();
    if names.is_empty() {
        return Err(AuthError::NoChannel);
    }
    Ok(names.join(","))
}

/// Channels in the order of the token, each with whether its publishers are counted.
struct Capabilities(Vec<(String, bool)>);

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Capabilities;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of channels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Capabilities, A::Error> {
                let mut channels = Vec::new();
                while let Some((name, capabilities)) = members.next_entry::<String, Value>()? {
                    let is_counted = capabilities
                        .as_array()
                        .is_some_and(|all| all.iter().any(|capability| capability == PUBLISHERS));
                    channels.push((name, is_counted));
                }
                Ok(Capabilities(channels))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The token of the specification: its payload needs the URL-safe alphabet.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImRlbW8ifQ.eyJ4LWFibHktY2FwYWJpbGl0eSI6IntcImIzSm5NUT09X1pXNTJOdz09X3NwbGl0c1wiOltcInN1YnNjcmliZVwiXSxcImIzSm5NUT09X1pXNTJOdz09X3NlZ21lbnRzXCI6W1wic3Vic2NyaWJlXCJdLFwiY29udHJvbF9wcmlcIjpbXCJzdWJzY3JpYmVcIixcImNoYW5uZWwtbWV0YWRhdGE6cHVibGlzaGVyc1wiXSxcImNvbnRyb2xfc2VjXCI6W1wic3Vic2NyaWJlXCIsXCJjaGFubmVsLW1ldGFkYXRhOnB1Ymxpc2hlcnNcIl19IiwieC1hYmx5LWNsaWVudElkIjoic2Rrfj4_IiwiaWF0IjoxNzYwMDAwMDAwLCJleHAiOjE3NjAwMDM2MDB9.c2ln";
    const CHANNELS: &str = "b3JnMQ==_ZW52Nw==_splits,b3JnMQ==_ZW52Nw==_segments,[?occupancy=metrics.publishers]control_pri,[?occupancy=metrics.publishers]control_sec";
    const ENCODED: &str = "b3JnMQ%3D%3D_ZW52Nw%3D%3D_splits%2Cb3JnMQ%3D%3D_ZW52Nw%3D%3D_segments%2C%5B%3Foccupancy%3Dmetrics.publishers%5Dcontrol_pri%2C%5B%3Foccupancy%3Dmetrics.publishers%5Dcontrol_sec";

    fn answer(value: &Value) -> Authentication {
        Authentication::of_answer(200, value.to_string().as_bytes())
    }

    fn token_of(claims: &Value) -> String {
        format!("h.{}.s", BASE64.encode(claims.to_string()))
    }

    fn answer_with(claims: &Value) -> Authentication {
        answer(&json!({"pushEnabled": true, "token": token_of(claims)}))
    }

    #[track_caller]
    fn granted(authentication: Authentication) -> Grant {
        match authentication {
            Authentication::Continue(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    /// Kind and text, short enough for a table.
    fn told(authentication: &Authentication) -> String {
        match authentication {
            Authentication::Continue(_) => "continue".to_owned(),
            Authentication::Retryable(error) => format!("retryable: {error}"),
            Authentication::NonRetryable(error) => format!("non-retryable: {error}"),
        }
    }

    #[test]
    fn the_token_of_the_specification() {
        assert!(TOKEN.contains('_'), "the case is about the URL-safe alphabet");
        let grant = granted(answer(&json!({"pushEnabled": true, "connDelay": 0, "token": TOKEN})));
        let expected = Grant {
            token: Token(TOKEN.to_owned()),
            channels: CHANNELS.to_owned(),
            refresh_after: Duration::from_secs(3000),
            expires: 1_760_003_600_000,
            connection_delay: Duration::ZERO,
        };
        assert_eq!(grant, expected);
        assert_eq!(grant.call().query_string(), format!("?v=1.1&accessToken={TOKEN}&channels={ENCODED}"));
    }

    #[test]
    fn answers() {
        let sound = json!({"pushEnabled": true, "connDelay": 0, "token": TOKEN}).to_string();
        let not_enabled = "non-retryable: streaming is not enabled for this SDK key";
        let rows: &[(u16, &str, &str)] = &[
            (200, &sound, "continue"),
            (201, &sound, "continue"),
            (200, r#"{"pushEnabled":false,"token":""}"#, not_enabled),
            (200, r#"{"pushEnabled":false,"token":"a.b.c"}"#, not_enabled),
            (200, r#"{"pushEnabled":true,"token":""}"#, not_enabled),
            (200, r#"{"pushEnabled":true,"token":null}"#, not_enabled),
            (200, r#"{"pushEnabled":true}"#, not_enabled),
            (200, r#"{"pushEnabled":null,"token":"a.b.c"}"#, not_enabled),
            (200, "{}", not_enabled),
            (200, "", "retryable: the answer of the authentication for streaming is not JSON"),
            (200, &sound[..50], "retryable: the answer of the authentication for streaming is not JSON"),
            (200, "[]", "retryable: the answer of the authentication for streaming has no usable object"),
            (
                200,
                r#"{"pushEnabled":"true"}"#,
                "retryable: the answer of the authentication for streaming has no usable pushEnabled",
            ),
            (
                200,
                r#"{"pushEnabled":true,"token":5}"#,
                "retryable: the answer of the authentication for streaming has no usable token",
            ),
            (
                200,
                r#"{"pushEnabled":true,"token":"abc"}"#,
                "retryable: the token for streaming is not a JSON web token",
            ),
            (200, r#"{"pushEnabled":true,"token":"a.%.c"}"#, "retryable: the token for streaming cannot be decoded"),
            (200, r#"{"pushEnabled":true,"token":"a..c"}"#, "retryable: the token for streaming does not hold JSON"),
            (304, "", "retryable: the authentication for streaming was answered with status 304"),
            (400, &sound, "non-retryable: the authentication for streaming was answered with status 400"),
            (401, "", "non-retryable: the authentication for streaming was answered with status 401"),
            (403, "", "non-retryable: the authentication for streaming was answered with status 403"),
            (404, "", "non-retryable: the authentication for streaming was answered with status 404"),
            (408, "", "retryable: the authentication for streaming was answered with status 408"),
            (429, "", "retryable: the authentication for streaming was answered with status 429"),
            (499, "", "non-retryable: the authentication for streaming was answered with status 499"),
            (500, &sound, "retryable: the authentication for streaming was answered with status 500"),
            (503, "", "retryable: the authentication for streaming was answered with status 503"),
        ];
        for (status, body, expected) in rows {
            assert_eq!(told(&Authentication::of_answer(*status, body.as_bytes())), *expected, "{status} {body}");
        }
    }

    #[test]
    fn b25_null_members() {
        for member in ["pushEnabled", "connDelay", "token", "unknown"] {
            let mut body = json!({"pushEnabled": true, "connDelay": 0, "token": TOKEN, "unknown": 1});
            body[member] = Value::Null;
            let expected = match member {
                "connDelay" | "unknown" => "continue",
                _ => "non-retryable: streaming is not enabled for this SDK key",
            };
            assert_eq!(told(&answer(&body)), expected, "{member}");
        }
        for claim in ["x-ably-capability", "x-ably-clientId", "iat", "exp"] {
            let mut claims = json!({"x-ably-capability": r#"{"a":null}"#, "x-ably-clientId": "c", "iat": 1, "exp": 2});
            claims[claim] = Value::Null;
            let expected = match claim {
                "x-ably-clientId" => "continue".to_owned(),
                _ => format!("retryable: the token for streaming has no usable {claim}"),
            };
            assert_eq!(told(&answer_with(&claims)), expected, "{claim}");
        }
    }

    #[test]
    fn channels_of_capabilities() {
        let counted = OCCUPANCY_PREFIX;
        let rows: [(&str, Result<String, &str>); 10] = [
            (r#"{"z":["subscribe"],"a":["subscribe"]}"#, Ok("z,a".to_owned())),
            (r#"{"c":["subscribe","channel-metadata:publishers"],"a":["subscribe"]}"#, Ok(format!("a,{counted}c"))),
            (r#"{"c":["channel-metadata:publishers"]}"#, Ok(format!("{counted}c"))),
            (r#"{"a":["subscribe","history"],"b":[],"c":null,"d":"*"}"#, Ok("a,b,c,d".to_owned())),
            (r#"{"a":[null,"channel-metadata:publishers"]}"#, Ok(format!("{counted}a"))),
            ("{}", Err("the token for streaming names no channel")),
            ("[]", Err("the token for streaming does not hold JSON")),
            ("null", Err("the token for streaming does not hold JSON")),
            ("{\"a\":", Err("the token for streaming does not hold JSON")),
            ("", Err("the token for streaming does not hold JSON")),
        ];
        for (capabilities, expected) in rows {
            let claims = json!({"x-ably-capability": capabilities, "iat": 1_760_000_000, "exp": 1_760_003_600});
            match expected {
                Ok(channels) => assert_eq!(granted(answer_with(&claims)).channels, channels, "{capabilities}"),
                Err(text) => assert_eq!(told(&answer_with(&claims)), format!("retryable: {text}"), "{capabilities}"),
            }
        }
    }

    #[test]
    fn padding_is_optional() {
        let payload = |spaces: &str| format!(r#"{{"x-ably-capability":"{{\"a\":[]}}","iat":0,"exp":3600}}{spaces}"#);
        // Lengths of every remainder, so with no, one and two characters of padding.
        for spaces in ["", " ", "  "] {
            let bare = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(payload(spaces));
            let padded = base64::engine::general_purpose::URL_SAFE.encode(payload(spaces));
            for part in [bare, padded] {
                for token in [format!("h.{part}.s"), format!("h.{part}")] {
                    let grant = granted(answer(&json!({"pushEnabled": true, "token": token})));
                    assert_eq!(grant.channels, "a", "{token}");
                }
            }
        }
    }

    #[test]
    fn when_to_refresh() {
        const SHORT: u64 = 3000;
        let rows = [
            (json!(1_760_000_000), json!(1_760_003_600), 3000),
            (json!(0), json!(601), 1),
            (json!(0), json!(600), SHORT),
            (json!(0), json!(300), SHORT),
            (json!(3600), json!(0), SHORT),
            (json!(0.9), json!(1000.2), 400),
            (json!(0), json!(4_000_000_000_u64), LONGEST_REFRESH.unsigned_abs()),
            (json!(i64::MIN), json!(i64::MAX), LONGEST_REFRESH.unsigned_abs()),
            (json!(i64::MAX), json!(i64::MIN), SHORT),
            (json!(0), json!(1e300), LONGEST_REFRESH.unsigned_abs()),
        ];
        for (issued, expires, expected) in rows {
            let claims = json!({"x-ably-capability": r#"{"a":[]}"#, "iat": issued, "exp": expires});
            let grant = granted(answer_with(&claims));
            assert_eq!(grant.refresh_after, Duration::from_secs(expected), "{claims}");
        }
    }

    #[test]
    fn the_delay_is_bounded() {
        let rows = [
            (json!(0), 0),
            (json!(15), 15),
            (json!(300), 300),
            (json!(301), 300),
            (json!(i64::MAX), 300),
            (json!(-5), 0),
            (json!("15"), 0),
        ];
        for (delay, expected) in rows {
            let grant = granted(answer(&json!({"pushEnabled": true, "token": TOKEN, "connDelay": delay})));
            assert_eq!(grant.connection_delay, Duration::from_secs(expected), "{delay}");
        }
    }

    #[test]
    fn the_token_is_not_told() {
        let bodies = [
            json!({"pushEnabled": true, "token": TOKEN}),
            json!(TOKEN),
            json!([TOKEN]),
            json!({"pushEnabled": TOKEN, "token": TOKEN}),
            json!({"pushEnabled": true, "token": [TOKEN]}),
            json!({"pushEnabled": true, "token": TOKEN.replace('.', "~")}),
            json!({"pushEnabled": true, "token": TOKEN.replacen("eyJ4", "%yJ4", 1)}),
            json!({"pushEnabled": true, "token": TOKEN.replacen("eyJ4", "fyJ4", 1)}),
            json!({"pushEnabled": true, "token": format!("h.{}.s", BASE64.encode(json!("eyJ4LWFibHkt").to_string()))}),
            json!({"pushEnabled": true, "token": token_of(&json!({"x-ably-capability": "eyJ4LWFibHkt", "iat": 0, "exp": 0}))}),
        ];
        for body in bodies {
            let authentication = answer(&body);
            let printed = format!("{authentication:?} {}", told(&authentication));
            for secret in ["eyJ", "yJ4LWFibHkt", "c2ln"] {
                assert!(!printed.contains(secret), "{secret} in {printed}");
            }
        }
    }
}
