//! An array that threads read and extend at the same time, without a lock.
//!
//! A `Vec` moves when it grows, which a reader must not see; a lock would make evaluations meet. So it grows by pieces
//! that stay where they are.

use std::array;

use crate::concurrent::{FIRST_PIECE, OnceBox};

/// An array that grows without moving: each piece is twice as long as the one before. Takes no lock.
pub(super) struct Table<T>([OnceBox<Vec<T>>; PIECES]);

const PIECES: usize = 27;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(array::from_fn(|_| OnceBox::new()))
    }
}

impl<T: Default> Table<T> {
    /// Piece, and place in it.
    #[inline]
    fn place(index: usize) -> (usize, usize) {
        let piece = ((index + FIRST_PIECE) / FIRST_PIECE).ilog2();
        (piece as usize, index + FIRST_PIECE - (FIRST_PIECE << piece))
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let (piece, place) = Self::place(index);
        self.0[piece].get()?.get(place)
    }

    pub(super) fn get_or_make(&self, index: usize) -> &T {
        let (piece, place) = Self::place(index);
        let make = || Box::new((0..FIRST_PIECE << piece).map(|_| T::default()).collect());
        &self.0[piece].get_or_init(make)[place]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let pieces = self.0.iter().enumerate().filter_map(|(number, piece)| Some((number, piece.get()?)));
        pieces.flat_map(|(number, piece)| {
            let first = (FIRST_PIECE << number) - FIRST_PIECE;
            piece.iter().enumerate().map(move |(place, item)| (first + place, item))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_pieces() {
        for (index, place) in [(0, (0, 0)), (63, (0, 63)), (64, (1, 0)), (191, (1, 127)), (192, (2, 0))] {
            assert_eq!(Table::<u8>::place(index), place, "{index}");
        }
        let (piece, _) = Table::<u8>::place(u32::MAX as usize);
        assert!(piece < PIECES, "{piece}");
    }

    #[test]
    fn items_stay_where_they_were_made() {
        let table = Table::<std::sync::atomic::AtomicU32>::default();
        assert!(table.get(500).is_none());
        let made = table.get_or_make(500);
        assert!(std::ptr::eq(table.get(500).expect("made"), made));
        assert!(table.get(499).is_some() && table.get(0).is_none());
        assert!(table.iter().any(|(index, item)| index == 500 && std::ptr::eq(item, made)));
    }
}
