//! A number that tells whether what was concluded earlier still holds.
//!
//! Who changes what conclusions rest on lets the number go on; who has concluded something keeps the number with it. While
//! a change is under way no conclusion is drawn and none is used, so that nobody sees the old state after somebody saw the
//! new one.

use super::primitives::atomic::{AtomicU64, Ordering};

/// How many bits count the changes under way: more than there can be threads.
const UNDER_WAY: u32 = 20;
const ONE: u64 = 1 << UNDER_WAY;

/// The number of a state, and how many changes of it are under way.
#[derive(Debug, Default)]
pub(crate) struct Generation(AtomicU64);

/// A generation at a moment without a change under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// A change that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Changing<'a>(&'a Generation);

impl Generation {
    /// The present one; `None` while a change is under way.
    #[inline]
    pub(crate) fn now(&self) -> Option<Stamp> {
        let now = self.0.load(Ordering::Acquire);
        (now & (ONE - 1) == 0).then_some(Stamp(now))
    }

    /// Starts a change, before anybody can see something of it.
    pub(crate) fn changing(&self) -> Changing<'_> {
        self.0.fetch_add(ONE + 1, Ordering::AcqRel);
        Changing(self)
    }

    /// Notes a change that was made, of which it does no harm if somebody still sees the old state up to now.
    #[inline]
    pub(crate) fn changed(&self) {
        self.0.fetch_add(ONE, Ordering::AcqRel);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Release);
    }
}

impl Stamp {
    /// The stamp as a number.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_ends_what_held_before() {
        let generation = Generation::default();
        let before = generation.now().unwrap();
        assert_eq!(generation.now(), Some(before));
        let one = generation.changing();
        let two = generation.changing();
        assert_eq!(generation.now(), None);
        drop(one);
        assert_eq!(generation.now(), None);
        drop(two);
        let after = generation.now().unwrap();
        assert_ne!(after, before);
        generation.changed();
        assert_ne!(generation.now(), Some(after));
    }
}
