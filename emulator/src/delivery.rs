//! How a frame travels: whole and at once, or as badly as networks can do it.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::faults::Cut;

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The answer is complete; the connection may live on.
    End,
    /// FIN in the middle of the answer, but the connection stays open for the peer.
    Half,
    /// The connection ends in the middle of the answer (FIN).
    Close,
    /// RST.
    Reset,
}

impl End {
    /// What happens to the connection; `None` when it may live on.
    pub(crate) fn cut(self) -> Option<Cut> {
        match self {
            End::End => None,
            End::Half => Some(Cut::Half),
            End::Close => Some(Cut::Close),
            End::Reset => Some(Cut::Reset),
        }
    }
}

/// The way of a notification. The default: one copy, whole, now, to every stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// How often it is sent.
    pub copies: usize,
    /// Milliseconds it is held back; later ones overtake it.
    pub delay_ms: u64,
    /// Only to the stream of this number.
    pub stream: Option<u64>,
    /// Timestamp of the envelope in milliseconds since the epoch, instead of now.
    pub timestamp: Option<i64>,
    /// Sent byte by byte.
    pub bytewise: bool,
    /// Cut into pieces at these offsets.
    pub cuts: Vec<usize>,
    /// Milliseconds between pieces.
    pub pause_ms: u64,
    /// The middle of the data is overwritten, so that it is no JSON; the frame stays one.
    pub garble: bool,
    /// Only so many bytes are sent.
    pub truncate: Option<usize>,
    /// What happens to the stream after it.
    pub then: Option<End>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            copies: 1,
            delay_ms: 0,
            stream: None,
            timestamp: None,
            bytewise: false,
            cuts: Vec::new(),
            pause_ms: 0,
            garble: false,
            truncate: None,
            then: None,
        }
    }
}

/// A frame on its way: each piece is a write of its own.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub pieces: Vec<Bytes>,
    pub pause: Duration,
    pub then: Option<End>,
}

impl Delivery {
    pub(crate) fn parcel(&self, mut frame: Vec<u8>) -> Parcel {
        if self.garble {
            garble(&mut frame);
        }
        frame.truncate(self.truncate.unwrap_or(usize::MAX));
        let mut cuts = if self.bytewise { (1..frame.len()).collect() } else { self.cuts.clone() };
        cuts.retain(|cut| *cut > 0 && *cut < frame.len());
        cuts.sort_unstable();
        cuts.dedup();
        let frame = Bytes::from(frame);
        let mut pieces = Vec::with_capacity(cuts.len() + 1);
        let mut start = 0;
        for cut in cuts {
            pieces.push(frame.slice(start..cut));
            start = cut;
        }
        if start < frame.len() {
            pieces.push(frame.slice(start..));
        }
        Parcel { pieces, pause: Duration::from_millis(self.pause_ms), then: self.then }
    }
}

/// Breaks the JSON of the data line and leaves line ends alone.
fn garble(frame: &mut [u8]) {
    let Some(start) = frame.windows(6).position(|six| six == b"data: ") else { return };
    for byte in frame[start + 6..].iter_mut().filter(|byte| **byte != b'\n').step_by(3) {
        *byte = b'{';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        let with = |change: fn(&mut Delivery)| {
            let mut delivery = Delivery::default();
            change(&mut delivery);
            delivery
        };
        for (delivery, expected) in [
            (with(|_| ()), vec!["data: 12\n\n"]),
            (with(|delivery| delivery.cuts = vec![7, 2, 2, 0, 99]), vec!["da", "ta: 1", "2\n\n"]),
            (with(|delivery| delivery.truncate = Some(3)), vec!["dat"]),
            (with(|delivery| (delivery.truncate, delivery.bytewise) = (Some(3), true)), vec!["d", "a", "t"]),
            (with(|delivery| delivery.truncate = Some(0)), vec![]),
            (with(|delivery| delivery.garble = true), vec!["data: {2\n\n"]),
        ] {
            let parcel = delivery.parcel(b"data: 12\n\n".to_vec());
            assert_eq!(parcel.pieces, expected, "{delivery:?}");
        }
    }
}
