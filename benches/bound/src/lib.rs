//! The least that an evaluation can cost: a snapshot that may be replaced at any time, a flag found by its name among
//! a thousand, and the bucket of the key, behind a C function of the shape of `split_get_treatment`.
//!
//! Nanoseconds differ from machine to machine and from minute to minute; the ratio to this, measured in the same run,
//! does not. So nothing is here that an evaluation could do without: no check of UTF-8, no handle that is verified, no
//! guard against panics, no rules. The same with the least that recording an impression can cost is `recording.rs`.

mod recording;

use std::ffi::{CStr, c_char};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use recording::Recording;

/// What a flag is reduced to: its seed, and that half of the keys are `on`.
struct Flag {
    seed: u32,
    /// Its place among the flags.
    index: u32,
}

/// A factory reduced to its flags.
pub struct Bound {
    flags: ArcSwap<HashMap<Box<[u8]>, Flag, RandomState>>,
    recording: Recording,
}

/// Flags by these names, all with one seed.
///
/// # Safety
/// `names` points to `count` NUL-terminated texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bound_new(names: *const *const c_char, count: usize, seed: i32) -> *mut Bound {
    // SAFETY: as promised by the caller.
    let names = unsafe { std::slice::from_raw_parts(names, count) };
    let flags = names
        .iter()
        .zip(0..)
        // SAFETY: as promised by the caller.
        .map(|(name, index)| (unsafe { CStr::from_ptr(*name) }.to_bytes().into(), Flag { seed: seed as u32, index }))
        .collect::<HashMap<_, _, _>>();
    Box::into_raw(Box::new(Bound { flags: ArcSwap::from_pointee(flags), recording: Recording::new() }))
}

/// `on` for buckets 1 to 50 of the key, `off` for the others, `control` for an unknown flag. Static texts.
///
/// # Safety
/// `bound` comes from `bound_new` and is not freed; `key` and `flag` are NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bound_get_treatment(
    bound: *const Bound,
    key: *const c_char,
    flag: *const c_char,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    let (bound, key, flag) = unsafe { (&*bound, CStr::from_ptr(key), CStr::from_ptr(flag)) };
    let flags = bound.flags.load();
    let treatment = match flags.get(flag.to_bytes()) {
        None => c"control",
        Some(flag) if murmur3_32(key.to_bytes(), flag.seed) % 100 < 50 => c"on",
        Some(_) => c"off",
    };
    treatment.as_ptr()
}

/// The same, and an impression is recorded: whether this key had this answer in the last hour, and one more in the count
/// of the flag.
///
/// # Safety
/// As that of `bound_get_treatment`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bound_get_treatment_recorded(
    bound: *const Bound,
    key: *const c_char,
    flag: *const c_char,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    let (bound, key, flag) = unsafe { (&*bound, CStr::from_ptr(key), CStr::from_ptr(flag)) };
    let flags = bound.flags.load();
    let Some(flag) = flags.get(flag.to_bytes()) else {
        return c"control".as_ptr();
    };
    let on = murmur3_32(key.to_bytes(), flag.seed) % 100 < 50;
    bound.recording.impression(key.to_bytes(), flag.index, on);
    if on { c"on".as_ptr() } else { c"off".as_ptr() }
}

/// Ends what `bound_new` made.
///
/// # Safety
/// `bound` comes from `bound_new` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bound_free(bound: *mut Bound) {
    // SAFETY: as promised by the caller.
    drop(unsafe { Box::from_raw(bound) });
}

/// murmur3, x86, 32 bits.
fn murmur3_32(text: &[u8], seed: u32) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let (blocks, tail) = text.as_chunks::<4>();
    for block in blocks {
        hash = (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = tail.iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
    hash ^= mix(rest) ^ text.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::murmur3_32;

    #[test]
    fn agrees_with_the_crate_that_the_library_is_held_to() {
        let text: Vec<u8> = (0..=255).collect();
        for len in 0..=text.len() {
            for seed in [0, 1, 0xdbe2_12a5, u32::MAX] {
                let expected = murmur3::murmur3_32(&mut &text[..len], seed).unwrap();
                assert_eq!(murmur3_32(&text[..len], seed), expected, "{len} bytes, seed {seed}");
            }
        }
    }
}
