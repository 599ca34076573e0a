//! Which percent a key falls into.
//!
//! murmur3 is contract: every SDK of Split puts a user into the same bucket. The loop here is the 32-bit variant for
//! short keys, which the compiler keeps in registers; the tests hold it to the `murmur3` crate. The legacy hash is
//! Java's `String.hashCode` but over code points, as in Split's Python SDK.

/// How a flag hashes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// `algo` 1, and everything that is not 2.
    Legacy,
    /// `algo` 2.
    Murmur3,
}

/// The bucket of a text, 1 to 100. The seed is that of the definition, as its 32 bits.
#[inline(always)]
pub(crate) fn bucket(text: &str, seed: u32, algorithm: Algorithm) -> u8 {
    let hash = match algorithm {
        Algorithm::Murmur3 => murmur3_32(text.as_bytes(), seed),
        Algorithm::Legacy => legacy(text, seed).unsigned_abs(),
    };
    // Below 101.
    (hash % 100) as u8 + 1
}

/// murmur3, x86, 32 bits. Not inlined: the evaluator's function has no register to spare, and all of this is one chain of
/// dependent steps, which a trip through memory in each makes longer by half.
#[inline(never)]
pub(crate) fn murmur3_32(bytes: &[u8], seed: u32) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |block: u32| block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);

    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(seed, |hash, block| {
        (hash ^ scramble(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    if !tail.is_empty() {
        let mut block = [0; 4];
        block[..tail.len()].copy_from_slice(tail);
        hash ^= scramble(u32::from_le_bytes(block));
    }
    // The length counts modulo 2^32, as in the original.
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// Split's hash before murmur3, in wrapping 32-bit arithmetic.
#[inline(never)]
pub(crate) fn legacy(text: &str, seed: u32) -> i32 {
    let hash = text.chars().fold(0_u32, |hash, c| hash.wrapping_mul(31).wrapping_add(u32::from(c)));
    (hash ^ seed) as i32
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn murmur3_is_that_of_the_murmur3_crate() {
        let mut random = fastrand::Rng::with_seed(7);
        for length in 0..600 {
            let text: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let seed = random.u32(..);
            let expected = murmur3::murmur3_32(&mut Cursor::new(&text), seed).expect("a cursor does not fail");
            assert_eq!(murmur3_32(&text, seed), expected, "seed {seed}, {text:?}");
        }
    }

    #[test]
    fn the_smallest_legacy_hash_has_an_absolute_value() {
        // Seed and empty text give h = -2147483648, whose absolute value does not fit 32 signed bits.
        assert_eq!(legacy("", 0x8000_0000), i32::MIN);
        assert_eq!(bucket("", 0x8000_0000, Algorithm::Legacy), 49);
    }

    #[test]
    fn legacy_by_hand() {
        assert_eq!((legacy("abc", 123), bucket("abc", 123, Algorithm::Legacy)), (96281, 82));
    }
}
