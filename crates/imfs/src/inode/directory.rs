//! Directories: the names they hold, their own name and parent.
//!
//! Lookup, readdir and ".." take no lock. Changes are made under the directory's lock through [`Entries`]; a change
//! that moves names (rename) is made visible in one step by the sequence count, for which lookups check. Who may
//! change what is decided above: in `create`, `unlink` and `rename`.

use super::entries::{Counts, FIRST_COOKIE, Position, Room, Table, Visited};
use super::name::Name;
use super::{Inode, Superblock};
use crate::abi::Errno;
use crate::sync::alloc::{try_box, try_copy};
use crate::sync::biased::{BiasedLock, WriteGuard};
use crate::sync::epoch::{Guard, RcuBox};
use crate::sync::lock::rank;
use crate::sync::primitives::atomic::{AtomicBool, Ordering, fence};
use crate::sync::refcount::{Ref, Shared, Slot};
use crate::sync::seq::SeqLock;

/// How many changes by one thread it takes until a directory favours it.
const PATIENCE: u32 = 16;
/// How many inode numbers a directory takes at most at once.
const MOST_NUMBERS: u16 = 256;

/// A directory's own part.
#[derive(Debug)]
pub struct Directory {
    /// Changes when names move, and when the entries move to another table.
    moves: SeqLock,
    /// `None` while the directory never had an entry. Replaced under the lock.
    table: RcuBox<Table>,
    /// The directory above; the root is above itself (as `None`). Written under the lock of the parents.
    parent: Slot<Inode>,
    /// Its name there. Written with `parent`.
    name: RcuBox<OwnName>,
    /// Whether some cage has remembered that a path leads here.
    remembered: AtomicBool,
    /// rmdir(2) took it away: it gets no new entries (`S_DEAD`). Read and written under the lock.
    removed: AtomicBool,
    /// What writers keep from the first entry on, apart: a directory is to be no larger than a file, which are many more.
    state: BiasedLock<Option<Box<State>>, { rank::DIRECTORY }, PATIENCE>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    numbers: Numbers,
}

/// Inode numbers for what is made in a directory, so that directories do not meet in the instance's count of them.
#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    left: u16,
    /// How many were taken the last time: each time twice as many.
    taken: u16,
}

/// A directory's own name: in one block of memory, if it is not long.
#[derive(Debug)]
pub(super) enum OwnName {
    Short(u8, [u8; Self::SHORT]),
    Long(Box<[u8]>),
}

impl OwnName {
    const SHORT: usize = 30;

    /// # Errors
    /// ENOMEM
    pub(super) fn try_new(name: &[u8]) -> Result<Box<Self>, Errno> {
        let name = match name.len() {
            len @ 0..=Self::SHORT => {
                let mut bytes = [0; Self::SHORT];
                bytes[..len].copy_from_slice(name);
                Self::Short(len as u8, bytes)
            }
            _ => Self::Long(try_copy(name).ok_or(Errno::ENOMEM)?),
        };
        try_box(name).ok_or(Errno::ENOMEM)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Directory {
    /// An empty directory below `parent`; `None` for a root.
    pub(super) fn new(parent: Option<Ref<Inode>>, name: &[u8]) -> Result<Self, Errno> {
        let name = OwnName::try_new(name)?;
        Ok(Self {
            moves: SeqLock::new(),
            table: RcuBox::empty(),
            parent: parent.map(Slot::new).unwrap_or_default(),
            name: RcuBox::new(name),
            remembered: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            state: BiasedLock::new(None),
        })
    }

    /// Notes that a path to this directory is remembered, and says whether that may be: not if it is just being removed.
    /// The caller is pinned.
    pub(crate) fn remember(&self, inode: &Inode) -> bool {
        if !self.remembered.load(Ordering::Relaxed) {
            self.remembered.store(true, Ordering::Relaxed);
        }
        // With the one in `forget`: either that sees the note, or we see that there is no link.
        fence(Ordering::SeqCst);
        inode.attributes.nlink() > 0
    }

    /// Makes all paths be walked anew, if one to this directory was remembered. To be called when the last link is gone.
    pub(super) fn forget(&self, sb: &Superblock) {
        fence(Ordering::SeqCst);
        if self.remembered.load(Ordering::Relaxed) {
            sb.paths.changed();
        }
    }

    /// The inode that `name` stands for.
    #[inline]
    pub(crate) fn lookup<'g>(&self, name: &Name<'_>, guard: &'g Guard) -> Option<Shared<'g, Inode>> {
        self.moves.read(|| self.table.load(guard)?.find(name, guard).map(|(_, inode)| inode))
    }

    /// The directory above this one, or `None` for the root.
    #[inline]
    pub(crate) fn parent<'g>(&self, guard: &'g Guard) -> Option<Shared<'g, Inode>> {
        self.parent.load(guard)
    }

    /// Its name in the directory above.
    pub(crate) fn own_name<'g>(&self, guard: &'g Guard) -> &'g [u8] {
        self.name.load(guard).map_or(&[], OwnName::bytes)
    }

    /// Tells a directory its new place. The caller holds the locks of the old and the new parent.
    pub(super) fn set_place(&self, parent: Option<Ref<Inode>>, name: Box<OwnName>, guard: &Guard) {
        if let Some(parent) = parent {
            drop(self.parent.swap(Some(parent)));
        }
        drop(self.name.replace(Some(name), size_of::<OwnName>(), guard));
    }

    /// Calls `visit(cookie, name, inode)` for each entry with a cookie of at least `from` until it returns false. The
    /// cookies ascend in the order of creation and are never used twice.
    pub(crate) fn visit<'g>(
        &self,
        mut from: u64,
        guard: &'g Guard,
        mut visit: impl FnMut(u64, &[u8], Shared<'g, Inode>) -> bool,
    ) {
        loop {
            let started = self.moves.start();
            let Some(table) = self.table.load(guard) else { return };
            let still = || self.moves.unchanged(started);
            let seen = table.visit(from, guard, still, |cookie, name, inode| {
                from = cookie + 1;
                visit(cookie, name, inode)
            });
            if seen != Visited::Moved {
                return;
            }
        }
    }

    /// The cookie that the next new entry will get: all present ones are below it.
    pub(crate) fn end(&self) -> u64 {
        self.state.read().as_ref().map_or(FIRST_COOKIE, |state| state.counts.end())
    }

    /// Locks the entries for a change.
    pub(super) fn entries<'g>(&'g self, guard: &'g Guard) -> Entries<'g> {
        Entries { dir: self, state: self.state.write(), guard }
    }

    /// Locks the entries while another directory's are locked: one above it, or any if the lock of renames is held.
    pub(super) fn more_entries<'g>(&'g self, guard: &'g Guard) -> Entries<'g> {
        Entries { dir: self, state: self.state.write_another(), guard }
    }

    /// Lets go of the directory above, and returns the reference: for a directory that nobody can use any more.
    pub(super) fn leave_parent(&self) -> Option<Ref<Inode>> {
        self.parent.swap(None)
    }

    /// Takes the newest entry out, for the end of the instance: there will be no new ones.
    pub(super) fn take_newest(&self, guard: &Guard) -> Option<Ref<Inode>> {
        let mut state = self.state.write();
        self.removed.store(true, Ordering::Relaxed);
        let taken = self.table.load(guard).and_then(|table| state.as_mut()?.counts.take_newest(table))?;
        taken.gather();
        Some(taken)
    }
}

/// The locked entries of a directory.
#[derive(Debug)]
pub(super) struct Entries<'g> {
    dir: &'g Directory,
    state: WriteGuard<'g, Option<Box<State>>, { rank::DIRECTORY }>,
    guard: &'g Guard,
}

/// What an entry held. To be dropped after the locks: it may be the last reference.
#[derive(Debug)]
pub(super) struct Removed(Ref<Inode>);

impl Drop for Removed {
    fn drop(&mut self) {
        // The entry anchored the count, if that was spread.
        self.0.gather();
    }
}

/// An entry that was found under the lock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'g> {
    table: &'g Table,
    position: Position,
    pub(super) inode: Shared<'g, Inode>,
}

impl<'g> Entries<'g> {
    /// The entry with this name.
    #[inline]
    pub(super) fn find(&self, name: &Name<'_>) -> Option<Found<'g>> {
        let table = self.dir.table.load(self.guard)?;
        let (position, inode) = table.find(name, self.guard)?;
        Some(Found { table, position, inode })
    }

    /// An entry that was found before room was [`reserve`](Self::reserve)d: it may be in another table now.
    #[inline]
    pub(super) fn find_again(&self, found: Found<'g>, name: &Name<'_>) -> Option<Found<'g>> {
        match self.dir.table.load(self.guard) {
            Some(table) if std::ptr::eq(table, found.table) => Some(found),
            _ => self.find(name),
        }
    }

    /// Whether rmdir(2) took the directory away.
    pub(super) fn removed(&self) -> bool {
        self.dir.removed.load(Ordering::Relaxed)
    }

    /// Notes that rmdir(2) takes it away.
    pub(super) fn set_removed(&mut self) {
        self.dir.removed.store(true, Ordering::Relaxed);
    }

    /// A number for a new inode of this directory.
    #[inline]
    pub(super) fn next_ino(&mut self, sb: &Superblock) -> u64 {
        let Some(state) = self.state.as_mut() else { return sb.next_ino() };
        let numbers = &mut state.numbers;
        if numbers.left == 0 {
            numbers.taken = (2 * numbers.taken).clamp(1, MOST_NUMBERS);
            numbers.left = numbers.taken;
            numbers.next = sb.next_inos(u64::from(numbers.taken));
        }
        numbers.left -= 1;
        numbers.next += 1;
        numbers.next - 1
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.counts.live)
    }

    /// Makes room for an entry, so that [`insert`](Self::insert) cannot fail. All new names come through here.
    ///
    /// # Errors
    /// ENOMEM; EINVAL: a NUL in the name, which no C string can have.
    #[inline(always)]
    pub(super) fn reserve(&mut self, name: &Name<'_>) -> Result<Room<'g>, Errno> {
        if name.has_nul() {
            return Err(Errno::EINVAL);
        }
        let table = self.dir.table.load(self.guard);
        if let (Some(table), Some(state)) = (table, self.state.as_ref())
            && let Some(room) = state.counts.room(table, name)?
        {
            return Ok(room);
        }
        self.grow(table)?;
        match (self.dir.table.load(self.guard), self.state.as_ref()) {
            (Some(table), Some(state)) => state.counts.room(table, name)?.ok_or(Errno::ENOMEM),
            _ => Err(Errno::ENOMEM),
        }
    }

    #[cold]
    fn grow(&mut self, table: Option<&Table>) -> Result<(), Errno> {
        if self.state.is_none() {
            *self.state = Some(try_box(State::default()).ok_or(Errno::ENOMEM)?);
        }
        let Some(state) = self.state.as_mut() else { return Err(Errno::ENOMEM) };
        if let Some(grown) = state.counts.grow(table)? {
            drop(self.dir.table.replace(Some(grown), table.map_or(0, Table::bytes), self.guard));
        }
        Ok(())
    }

    /// Adds the entry, which is not there yet.
    #[inline]
    pub(super) fn insert(&mut self, room: Room<'g>, name: &Name<'_>, inode: Ref<Inode>) {
        // There is room, so there is a state.
        if let Some(state) = self.state.as_mut() {
            state.counts.insert(room, name, inode);
        }
    }

    /// Removes the entry. The inode's number of links must be lower already.
    #[inline]
    pub(super) fn remove(&mut self, found: Found<'_>) -> Option<Removed> {
        self.take(found).map(Removed)
    }

    /// Takes the entry out, to put what it held into another.
    #[inline]
    pub(super) fn take(&mut self, found: Found<'_>) -> Option<Ref<Inode>> {
        self.state.as_mut()?.counts.remove(found.table, found.position)
    }

    /// Puts another inode in the entry's place; for the one that was there it is as in [`remove`](Self::remove).
    pub(super) fn replace(&mut self, found: Found<'_>, inode: Ref<Inode>) -> Option<Removed> {
        self.swap(found, inode).map(Removed)
    }

    /// Puts another inode in the entry's place, and what was there into another.
    pub(super) fn swap(&mut self, found: Found<'_>, inode: Ref<Inode>) -> Option<Ref<Inode>> {
        found.table.slot(found.position)?.swap(Some(inode))
    }

    /// Exchanges the inodes of two entries, of this directory or of two.
    pub(super) fn exchange(&mut self, found: Found<'_>, theirs: Found<'_>) {
        let (mine, theirs) = (found.table.slot(found.position), theirs.table.slot(theirs.position));
        if let (Some(mine), Some(theirs)) = (mine, theirs) {
            mine.exchange(theirs);
        }
    }

    /// Moves the entries together when most records are dead. To be called after removals, outside of
    /// [`moving`]; if the host has no memory for it, things stay as they are.
    pub(super) fn tidy(&mut self) {
        let Some(state) = self.state.as_mut() else { return };
        let counts = &mut state.counts;
        if !counts.sparse() {
            return;
        }
        let Some(old) = self.dir.table.load(self.guard) else { return };
        let Some(new) = counts.compacted(old, self.guard) else { return };
        let replaced = self.dir.moves.write(|| self.dir.table.replace(Some(new), old.bytes(), self.guard));
        drop(replaced);
        // Each inode is held by the new table too, so none goes away here.
        old.clear();
    }

    /// The directory.
    pub(super) fn dir(&self) -> &'g Directory {
        self.dir
    }
}

/// Makes what `change` does to the entries of one or two directories visible in one step. It must be short, and must
/// not block, fail or drop the last reference to anything.
pub(super) fn moving<R>(one: &Directory, other: Option<&Directory>, change: impl FnOnce() -> R) -> R {
    match other.filter(|other| !std::ptr::eq(*other, one)) {
        None => one.moves.write(change),
        Some(other) => {
            // Two renames that have directories in common exclude each other by the directories' locks, so the
            // order of the two counts is of no matter.
            let (a, b) = (one.moves.begin(), other.moves.begin());
            let result = change();
            other.moves.end(b);
            one.moves.end(a);
            result
        }
    }
}

/// Where the entries of a directory stream begin, after "." and "..".
pub(crate) const FIRST_ENTRY: u64 = FIRST_COOKIE;
