//! The seeded generator of plans and faults: the house's hash noise, read one place after another.

use crate::market::noise::{Noise, Stream};

/// Draws in a row; the same seed and purpose give the same row.
#[derive(Debug, Clone)]
pub struct Dice {
    noise: Noise,
    next: u64,
}

impl Dice {
    /// The row of `seed` for one purpose, so that purposes do not disturb each other.
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self { noise: Noise::new(seed, Stream::Fault).of(purpose), next: 0 }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.next += 1;
        self.noise.bits(self.next)
    }

    /// Uniform from 0 up to, not including, `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A place in a list of `len`; 0 for an empty one.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.place(of.len()))
    }

    /// Puts a list in a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.place(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_stay_in_bounds_and_reach_them() {
        let (mut one, mut same, mut other) = (Dice::new(7, 1), Dice::new(7, 1), Dice::new(7, 2));
        let row = |dice: &mut Dice| (0..500).map(|_| dice.between(3, 6)).collect::<Vec<_>>();
        let (first, second, third) = (row(&mut one), row(&mut same), row(&mut other));
        assert_eq!(first, second);
        assert_ne!(first, third);
        assert_eq!((first.iter().min(), first.iter().max()), (Some(&3), Some(&6)));
        assert_eq!((one.below(0), one.place(0)), (0, 0));
    }

    #[test]
    fn a_shuffle_keeps_what_there_is() {
        let mut list: Vec<u32> = (0..50).collect();
        Dice::new(1, 1).shuffle(&mut list);
        assert_ne!(list, (0..50).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..50).collect::<Vec<_>>());
    }
}
