//! The operation of flock(2).

use bitflags::bitflags;

bitflags! {
    /// The `operation` of flock(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FlockOp: u32 {
        /// A shared lock.
        const SH = 1;
        /// An exclusive lock.
        const EX = 2;
        /// Do not block.
        const NB = 4;
        /// Remove the lock.
        const UN = 8;
        /// Keep the bits without a name.
        const _ = !0;
    }
}
