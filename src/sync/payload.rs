//! The definition that comes inside an update, so that no request is needed to have it.

use std::fmt;
use std::io::{self, Read};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{GzDecoder, ZlibDecoder};

/// The most that a payload may unpack to, in bytes: a few kilobytes of zeros must not fill the host's memory.
const LIMIT: usize = 64 << 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A definition, packed, and the state that it builds on.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The change number before the change. On top of any other state the payload says nothing.
    pub(crate) previous: i64,
    /// How `data` is compressed, as the server numbers it.
    pub(crate) compression: i64,
    /// Base64 of the definition.
    pub(crate) data: String,
}

/// Why a payload cannot be had. What it was about has to be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    /// The text is no base64.
    #[error("the payload is not base64")]
    Base64(#[source] base64::DecodeError),
    /// Neither plain nor one of the compressions that we know.
    #[error("the payload has the unknown compression {0}")]
    UnknownCompression(i64),
    /// The compressed bytes are damaged or cut.
    #[error("the payload cannot be decompressed")]
    Damaged(#[source] io::Error),
    /// It unpacks to more than [`LIMIT`].
    #[error("the payload is more than {LIMIT} bytes long")]
    TooLong,
}

impl Payload {
    /// Unpacks the JSON of the definition.
    pub(crate) fn unpack(&self) -> Result<Vec<u8>, PayloadError> {
        let packed = BASE64.decode(&self.data).map_err(PayloadError::Base64)?;
        let unpacked = match self.compression {
            0 => packed,
            1 => read_bounded(GzDecoder::new(&*packed))?,
            2 => read_bounded(ZlibDecoder::new(&*packed))?,
            unknown => return Err(PayloadError::UnknownCompression(unknown)),
        };
        if unpacked.len() > LIMIT {
            return Err(PayloadError::TooLong);
        }
        Ok(unpacked)
    }
}

/// A payload can be megabytes, and it is nobody's business in a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("previous", &self.previous)
            .field("compression", &self.compression)
            .field("length", &self.data.len())
            .finish()
    }
}

/// Reads up to one byte more than [`LIMIT`], which tells what is too long from what just fits.
fn read_bounded(decoder: impl Read) -> Result<Vec<u8>, PayloadError> {
    let mut unpacked = Vec::new();
    decoder.take(LIMIT as u64 + 1).read_to_end(&mut unpacked).map_err(PayloadError::Damaged)?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io::Write as _;

    use super::*;

    /// The definition of the specification's vectors, and what it is sent as.
    const DEFINITION: &str = r#"{"name":"vec_flag","trafficTypeName":"user","seed":7,"status":"ACTIVE","killed":false,"defaultTreatment":"off","changeNumber":1760000000500,"algo":2,"conditions":[]}"#;
    const PLAIN: &str = "eyJuYW1lIjoidmVjX2ZsYWciLCJ0cmFmZmljVHlwZU5hbWUiOiJ1c2VyIiwic2VlZCI6Nywic3RhdHVzIjoiQUNUSVZFIiwia2lsbGVkIjpmYWxzZSwiZGVmYXVsdFRyZWF0bWVudCI6Im9mZiIsImNoYW5nZU51bWJlciI6MTc2MDAwMDAwMDUwMCwiYWxnbyI6MiwiY29uZGl0aW9ucyI6W119";
    const GZIP: &str = "H4sIAAAAAAACAyXNsQoCMQyA4XfJ3KEKetBNxMHlpsNFROI1OYu9VtpUEPHdjVymwPeTfCDhTODgReOVI05gQAoyh3F4P6lfsFUqCpXIg+t0EZRWFXb74Xg6KD1CjH9kjJUMeGJsUYZCKDMl0TQzazfeMU3Ut/mmF92q29plNtYawDhlcGutcvJBQk7643z5/gD4V9BWpQAAAA==";
    const ZLIB: &str = "eJwlzbEKAjEMgOF3ydyhCnrQTcTB5abDRUTiNTmLvVbaVBDx3Y1cpsD3k3wg4Uzg4EXjlSNOYEAKModxeD+pX7BVKgqVyIPrdBGUVhV2++F4Oig9Qox/ZIyVDHhibFGGQigzJdE0M2s33jFN1Lf5phfdqtvaZTbWGsA4ZXBrrXLyQUJO+uN8+f4Af/81FQ==";

    fn unpack(compression: i64, data: &str) -> Result<Vec<u8>, PayloadError> {
        Payload { previous: -1, compression, data: data.to_owned() }.unpack()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn vectors_of_the_specification() {
        assert_eq!(DEFINITION.len(), 165);
        for (compression, data) in [(0, PLAIN), (1, GZIP), (2, ZLIB)] {
            let unpacked = unpack(compression, data).expect("sound");
            assert_eq!(String::from_utf8(unpacked).expect("text"), DEFINITION, "compression {compression}");
            let without_padding = unpack(compression, data.trim_end_matches('=')).expect("sound");
            assert_eq!(without_padding, DEFINITION.as_bytes(), "compression {compression}, without padding");
        }
    }

    #[test]
    fn long_ones_come_whole() {
        let text: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (compression, packed) in [(0, text.clone()), (1, gzip(&text)), (2, zlib(&text))] {
            let unpacked = unpack(compression, &BASE64.encode(packed)).expect("sound");
            assert!(unpacked == text, "compression {compression}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let rows = [
            (0, "%%%", "the payload is not base64"),
            (1, "a", "the payload is not base64"),
            (9, PLAIN, "the payload has the unknown compression 9"),
            (-1, PLAIN, "the payload has the unknown compression -1"),
            (1, PLAIN, "the payload cannot be decompressed"),
            (2, PLAIN, "the payload cannot be decompressed"),
            (1, ZLIB, "the payload cannot be decompressed"),
            (2, GZIP, "the payload cannot be decompressed"),
            (1, "", "the payload cannot be decompressed"),
            (2, "", "the payload cannot be decompressed"),
        ];
        for (compression, data, expected) in rows {
            let error = unpack(compression, data).expect_err(expected);
            assert_eq!(error.to_string(), expected, "{compression} {data}");
            let has_cause = !matches!(error, PayloadError::UnknownCompression(_) | PayloadError::TooLong);
            assert_eq!(error.source().is_some(), has_cause, "{compression} {data}");
        }
    }

    #[test]
    fn a_cut_at_any_byte_is_noticed() {
        for (compression, packed) in [(1, gzip(DEFINITION.as_bytes())), (2, zlib(DEFINITION.as_bytes()))] {
            for length in 0..packed.len() {
                let outcome = unpack(compression, &BASE64.encode(&packed[..length]));
                assert!(matches!(outcome, Err(PayloadError::Damaged(_))), "{compression}, {length} bytes: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        for (name, compression, pack) in [("gzip", 1, gzip as fn(&[u8]) -> Vec<u8>), ("zlib", 2, zlib)] {
            let fits = unpack(compression, &BASE64.encode(pack(&vec![0; LIMIT]))).expect("at the limit");
            assert_eq!(fits.len(), LIMIT, "{name}");
            let outcome = unpack(compression, &BASE64.encode(pack(&vec![0; LIMIT + 1])));
            assert!(matches!(outcome, Err(PayloadError::TooLong)), "{name}");
        }
    }

    #[test]
    fn the_log_gets_its_length_only() {
        let payload = Payload { previous: 1, compression: 2, data: ZLIB.to_owned() };
        assert_eq!(format!("{payload:?}"), "Payload { previous: 1, compression: 2, length: 192 }");
    }
}
