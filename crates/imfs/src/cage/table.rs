//! A cage's descriptor table: numbers that stand for open file descriptions.
//!
//! Looking a number up takes no lock: the slots stand in segments that double in size and never move. Changes are made
//! under the table's lock. What a change takes out of the table is returned, so that it is released after the lock.

use crate::sync::primitives::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use super::description::Description;
use super::numbers::Numbers;
use crate::abi::{Errno, Result};
use crate::platform::barrier;
use crate::sync::alloc::try_slice;
use crate::sync::biased::{BiasedLock, WriteGuard};
use crate::sync::epoch::{self, Guard};
use crate::sync::lock::rank;
use crate::sync::refcount::{Ref, Shared, Slot};

/// The first descriptor that IMFS gives out by itself: 0, 1 and 2 belong to the enclosing grate.
pub(crate) const FIRST: usize = 3;
/// The descriptors of the first segment, as a power of two; each further segment is as large as all before it.
const FIRST_BITS: u32 = 6;
/// How many changes by one thread it takes until the table favours it: a cage has many more, and most have one thread.
const PATIENCE: u32 = 8;
const SEGMENTS: usize = (u32::BITS - FIRST_BITS) as usize;

#[derive(Debug, Default)]
struct Place {
    description: Slot<Description>,
    /// Whether exec closes it. Written under the lock.
    cloexec: AtomicBool,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    segments: [OnceLock<Box<[Place]>>; SEGMENTS],
    used: BiasedLock<Numbers, { rank::DESCRIPTORS }, PATIENCE>,
    /// Whether the cage has exited: what is put into the table afterwards is taken out at once.
    closed: AtomicBool,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            segments: [const { OnceLock::new() }; SEGMENTS],
            used: BiasedLock::new(Numbers::default()),
            closed: AtomicBool::new(false),
        }
    }
}

/// Which segment a number is in, and where.
#[inline]
fn place_of(number: usize) -> (usize, usize) {
    let segment = (usize::BITS - (number >> FIRST_BITS).leading_zeros()) as usize;
    let first = if segment == 0 { 0 } else { 1 << (FIRST_BITS as usize + segment - 1) };
    (segment, number - first)
}

fn segment_len(segment: usize) -> usize {
    1 << (FIRST_BITS as usize + segment.saturating_sub(1))
}

impl Table {
    #[inline]
    fn place(&self, number: usize) -> Option<&Place> {
        let (segment, at) = place_of(number);
        self.segments.get(segment)?.get()?.get(at)
    }

    /// The description that `fd` stands for.
    ///
    /// # Errors
    /// EBADF
    #[inline]
    pub(crate) fn get<'g>(&self, fd: i32, guard: &'g Guard) -> Result<Shared<'g, Description>> {
        let number = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.place(number).and_then(|place| place.description.load(guard)).ok_or(Errno::EBADF)
    }

    /// The same as a reference that lasts.
    ///
    /// # Errors
    /// EBADF
    pub(crate) fn hold(&self, fd: i32) -> Result<Ref<Description>> {
        self.get(fd, &epoch::pin())?.upgrade().ok_or(Errno::EBADF)
    }

    /// Locks the table for changes.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked { table: self, used: self.used.write() }
    }

    /// Takes the lowest free number from `from` on, below `limit`, for a description that is still to be made: calls
    /// that make files do so first, so that they make none if there is no number left (`get_unused_fd_flags`).
    ///
    /// # Errors
    /// EMFILE, ENOMEM
    #[inline]
    pub(crate) fn reserve(&self, from: usize, limit: usize) -> Result<Reserved<'_>> {
        let mut locked = self.lock();
        let number = locked.used.lowest_free(from);
        if number >= limit {
            return Err(Errno::EMFILE);
        }
        locked.make_place(number)?;
        locked.used.insert(number)?;
        Ok(Reserved { table: self, number })
    }

    /// Lets nothing stay that is put into the table from now on; what is there is for the caller to take out.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // With the light barrier of `fill`: either that sees the mark, or we see what it put there.
        barrier::heavy();
    }

    /// Whether exec closes `fd`.
    ///
    /// # Errors
    /// EBADF
    pub(crate) fn cloexec(&self, fd: i32) -> Result<bool> {
        self.get(fd, &epoch::pin())?;
        let place = usize::try_from(fd).ok().and_then(|number| self.place(number));
        Ok(place.is_some_and(|place| place.cloexec.load(Ordering::Relaxed)))
    }
}

/// A number that is taken and stands for nothing yet; free again if it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved<'t> {
    table: &'t Table,
    number: usize,
}

impl Reserved<'_> {
    /// Makes the number stand for the description (`fd_install`).
    #[inline]
    pub(crate) fn fill(self, description: Ref<Description>, cloexec: bool) -> i32 {
        let number = std::mem::ManuallyDrop::new(self);
        if let Some(place) = number.table.place(number.number) {
            place.cloexec.store(cloexec, Ordering::Relaxed);
            // Nobody else writes to a place that is reserved, so there was nothing.
            place.description.put(description);
            barrier::light();
            if number.table.closed.load(Ordering::Relaxed) {
                let taken = number.table.lock().take(number.number as i32);
                drop(taken);
            }
        }
        number.number as i32
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.table.lock().used.remove(self.number);
    }
}

/// The locked table.
#[derive(Debug)]
pub(crate) struct Locked<'t> {
    table: &'t Table,
    used: WriteGuard<'t, Numbers, { rank::DESCRIPTORS }>,
}

impl Locked<'_> {
    /// Makes `number` stand for the description, and returns what it stood for.
    ///
    /// # Errors
    /// ENOMEM, EBADF (a number beyond all limits), EBUSY (another call is just opening this number)
    pub(crate) fn put(
        &mut self,
        number: usize,
        description: Ref<Description>,
        cloexec: bool,
    ) -> Result<Option<Ref<Description>>> {
        if self.table.closed.load(Ordering::Relaxed) {
            return Err(Errno::EBADF);
        }
        self.make_place(number)?;
        let place = self.table.place(number).ok_or(Errno::EBADF)?;
        if place.description.is_empty() && self.used.next(number) == Some(number) {
            return Err(Errno::EBUSY);
        }
        self.used.insert(number)?;
        place.cloexec.store(cloexec, Ordering::Relaxed);
        Ok(place.description.swap(Some(description)))
    }

    /// Makes the segment that `number` is in.
    fn make_place(&mut self, number: usize) -> Result<()> {
        let segment = place_of(number).0;
        let slot = self.table.segments.get(segment).ok_or(Errno::EBADF)?;
        if slot.get().is_none() {
            let fresh = try_slice(segment_len(segment), Place::default).ok_or(Errno::ENOMEM)?;
            // Nobody else sets it: we hold the lock.
            let _ = slot.set(fresh);
        }
        Ok(())
    }

    /// Takes `fd` out of the table.
    ///
    /// # Errors
    /// EBADF
    pub(crate) fn take(&mut self, fd: i32) -> Result<Ref<Description>> {
        let number = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let place = self.table.place(number).ok_or(Errno::EBADF)?;
        // SAFETY: only who has the lock, as we do, changes a place with something in it.
        let taken = unsafe { place.description.take_alone() }.ok_or(Errno::EBADF)?;
        self.used.remove(number);
        Ok(taken)
    }

    /// Sets whether exec closes `fd`.
    ///
    /// # Errors
    /// EBADF
    pub(crate) fn set_cloexec(&mut self, fd: i32, on: bool) -> Result<()> {
        let number = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let place = self.table.place(number).filter(|p| !p.description.is_empty()).ok_or(Errno::EBADF)?;
        place.cloexec.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// The lowest open descriptor from `from` on, and whether exec closes it.
    pub(crate) fn next(&self, from: usize) -> Option<(i32, bool)> {
        let number = self.used.next(from)?;
        let cloexec = self.table.place(number).is_some_and(|place| place.cloexec.load(Ordering::Relaxed));
        Some((i32::try_from(number).ok()?, cloexec))
    }

    /// Fills an empty table with the same descriptions, as fork(2) does.
    ///
    /// # Errors
    /// ENOMEM; then `child` may have some of them.
    pub(crate) fn copy_to(&self, child: &Table) -> Result<()> {
        let guard = epoch::pin();
        let mut theirs = Locked { table: child, used: child.used.write_another() };
        let mut from = 0;
        while let Some((fd, cloexec)) = self.next(from) {
            let number = fd as usize;
            if let Some(description) = self.table.get(fd, &guard).ok().and_then(Shared::upgrade) {
                drop(theirs.put(number, description, cloexec)?);
            }
            from = number + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_each_other_without_a_gap() {
        let mut expected = (0, 0);
        for number in 0..10_000 {
            assert_eq!(place_of(number), expected);
            expected.1 += 1;
            if expected.1 == segment_len(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(place_of(u32::MAX as usize).0 < SEGMENTS + 1);
    }
}
