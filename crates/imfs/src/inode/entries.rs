//! The entries of a directory: one hash table and one list in the order of creation, compact, read without a lock.
//!
//! Records stand in *chunks* in the order in which they were added; a chunk's records are written once, and a removed
//! record only loses its inode. A record's *cookie* is its number in that order: it never changes and is never used
//! again, so a directory stream goes on from any cookie however the directory changes. A table of *positions* finds
//! records by hash; a directory of one chunk has none. When most records are dead the living ones move to new
//! chunks, which then keep the cookies explicitly.
//!
//! Knows names, cookies and inode references, and no rule about them: `directory` above it does. Writers hold the
//! directory's lock; readers are pinned.

use crate::sync::primitives::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::OnceLock;

use super::Inode;
use super::name::{INLINE, Name};
use crate::abi::Errno;
use crate::sync::alloc::{try_box, try_copy, try_slice};
use crate::sync::epoch::Guard;
use crate::sync::refcount::{Evict, Ref, Shared, Slot};

/// The capacities of the first chunks; all later ones have [`CHUNK`].
const FIRST: [usize; 2] = [4, 16];
/// Records of a full-sized chunk.
const CHUNK: usize = 64;
/// A position is a chunk's number and a record's place in it.
const PLACE_BITS: u32 = CHUNK.trailing_zeros();
/// What the table of positions holds where nothing was ever, and where something was. Others are positions + 2.
const FREE: u32 = 0;
const GONE: u32 = 1;

/// The cookie of the first record: 1 is "." and 2 is "..".
pub(super) const FIRST_COOKIE: u64 = 3;

/// One entry. Written once, before its position or its chunk's count publishes it; then only `inode` changes.
#[derive(Debug, Default)]
struct Record {
    /// `None` once the entry is removed.
    inode: Slot<Inode>,
    hash: AtomicU32,
    len: AtomicU32,
    /// The name's first bytes.
    words: [AtomicU64; INLINE / 8],
}

#[derive(Debug)]
struct Chunk {
    records: Box<[Record]>,
    /// How many records are published.
    filled: AtomicU32,
    cookies: Cookies,
    /// The names that don't fit into their records, by place.
    long: OnceLock<LongNames>,
}

/// Names by place.
type LongNames = Box<[OnceLock<Box<[u8]>>]>;

/// The cookies of a chunk's records, ascending.
#[derive(Debug)]
enum Cookies {
    /// The first one's; the others follow without a gap.
    From(u64),
    /// One for each.
    Each(Box<[u64]>),
}

/// What readers see: replaced as a whole when it grows.
#[derive(Debug)]
pub(super) struct Table {
    /// Positions by hash, linearly probed; empty while there is one chunk. A power of two.
    index: Box<[AtomicU32]>,
    /// Room for chunks; they are there up to some number.
    chunks: Box<[OnceLock<Ref<Chunk>>]>,
}

/// What writers keep, under the directory's lock.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Living entries.
    pub(super) live: usize,
    /// Records that were ever used in the present chunks.
    used: usize,
    /// Chunks that exist.
    chunks: usize,
    /// Slots of the index that are not [`FREE`].
    index_used: usize,
    /// The next cookie, counted from [`FIRST_COOKIE`].
    next: u64,
}

impl Counts {
    /// The cookie that the next new entry will have: all present ones are below.
    pub(super) fn end(&self) -> u64 {
        FIRST_COOKIE + self.next
    }
}

/// Room for one more entry, made before anything that cannot be undone: it is good as long as the directory is locked and
/// nothing else is added.
#[derive(Debug)]
pub(super) struct Room<'g> {
    table: &'g Table,
    /// The last chunk.
    chunk: &'g Chunk,
    long: Option<Box<[u8]>>,
}

/// A found entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Its position.
    at: u32,
    /// The slot of the index that has it, if there is an index.
    slot: u32,
}

impl Evict for Chunk {
    fn bytes(&self) -> usize {
        size_of_val(&*self.records)
    }
}

impl Record {
    /// Whether this is the name, if it is one that fits into a record; else, whether it may be.
    #[inline]
    fn resembles(&self, name: &Name<'_>) -> bool {
        let [a, b, c] = &self.words;
        a.load(Ordering::Relaxed) == name.words[0]
            && b.load(Ordering::Relaxed) == name.words[1]
            && c.load(Ordering::Relaxed) == name.words[2]
            && self.len.load(Ordering::Relaxed) as usize == name.bytes().len()
    }
}

impl Chunk {
    fn try_new(capacity: usize, cookies: Cookies) -> Result<Ref<Self>, Errno> {
        let records = try_slice(capacity, Record::default).ok_or(Errno::ENOMEM)?;
        let chunk = Self { records, filled: AtomicU32::new(0), cookies, long: OnceLock::new() };
        Ref::try_new(chunk).ok_or(Errno::ENOMEM)
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.filled.load(Ordering::Relaxed) as usize == self.records.len()
    }

    fn cookie(&self, place: usize) -> u64 {
        match &self.cookies {
            Cookies::From(first) => first + place as u64,
            Cookies::Each(cookies) => cookies[place],
        }
    }

    /// The first place whose cookie is `from` or more.
    fn seek(&self, from: u64) -> usize {
        match &self.cookies {
            Cookies::From(first) => from.saturating_sub(*first).min(self.records.len() as u64) as usize,
            Cookies::Each(cookies) => cookies.partition_point(|cookie| *cookie < from),
        }
    }

    /// The inode of the record at `place`, if the record has this name and is not removed.
    #[inline]
    fn inode_of<'g>(&self, place: usize, name: &Name<'_>, guard: &'g Guard) -> Option<Shared<'g, Inode>> {
        let record = self.records.get(place)?;
        if !record.resembles(name)
            || (name.bytes().len() > INLINE && self.long_name(place) != Some(name.bytes()))
        {
            return None;
        }
        record.inode.load(guard)
    }

    fn long_name(&self, place: usize) -> Option<&[u8]> {
        self.long.get()?[place].get().map(|name| &**name)
    }

    /// The name at `place`, put together in `buf` if it is short.
    fn name<'a>(&'a self, place: usize, buf: &'a mut [u8; INLINE]) -> &'a [u8] {
        let record = &self.records[place];
        let len = record.len.load(Ordering::Relaxed) as usize;
        if len > INLINE {
            return self.long_name(place).unwrap_or_default();
        }
        for (word, bytes) in record.words.iter().zip(buf.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        &buf[..len]
    }

    /// Makes a place for long names, if `name` needs one.
    #[inline]
    fn reserve_long(&self, name: &[u8]) -> Result<Option<Box<[u8]>>, Errno> {
        if name.len() <= INLINE {
            return Ok(None);
        }
        if self.long.get().is_none() {
            let places = try_slice(self.records.len(), OnceLock::new).ok_or(Errno::ENOMEM)?;
            // Writers hold the directory's lock, so nobody else sets it.
            let _ = self.long.set(places);
        }
        try_copy(name).map(Some).ok_or(Errno::ENOMEM)
    }

    /// Writes the next record. There is room.
    fn push(
        &self,
        hash: u32,
        len: usize,
        words: [u64; INLINE / 8],
        long: Option<Box<[u8]>>,
        inode: Ref<Inode>,
    ) {
        let place = self.filled.load(Ordering::Relaxed) as usize;
        let record = &self.records[place];
        record.hash.store(hash, Ordering::Relaxed);
        record.len.store(len as u32, Ordering::Relaxed);
        for (word, value) in record.words.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
        if let (Some(long), Some(places)) = (long, self.long.get()) {
            let _ = places[place].set(long);
        }
        record.inode.put(inode);
        self.filled.store(place as u32 + 1, Ordering::Release);
    }
}

impl Table {
    #[inline]
    fn chunk(&self, number: usize) -> Option<&Ref<Chunk>> {
        self.chunks.get(number)?.get()
    }

    #[inline]
    fn at(&self, position: Position) -> Option<(&Chunk, usize)> {
        let place = position.at as usize & (CHUNK - 1);
        self.chunk((position.at >> PLACE_BITS) as usize).map(|chunk| (&**chunk, place))
    }

    /// The entry with this name, and its inode.
    #[inline]
    pub(super) fn find<'g>(
        &self,
        name: &Name<'_>,
        guard: &'g Guard,
    ) -> Option<(Position, Shared<'g, Inode>)> {
        if self.index.is_empty() {
            return self.find_in_first(name, guard);
        }
        let mask = self.index.len() - 1;
        let mut slot = name.hash as usize & mask;
        loop {
            let found = self.index[slot].load(Ordering::Acquire);
            if found > GONE {
                let position = Position { at: found - 2, slot: slot as u32 };
                if let Some((chunk, place)) = self.at(position)
                    && let Some(inode) = chunk.inode_of(place, name, guard)
                {
                    return Some((position, inode));
                }
            } else if found == FREE {
                return None;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn find_in_first<'g>(&self, name: &Name<'_>, guard: &'g Guard) -> Option<(Position, Shared<'g, Inode>)> {
        let chunk = self.chunk(0)?;
        let filled = chunk.filled.load(Ordering::Acquire) as usize;
        (0..filled).find_map(|place| {
            // A record that was removed may have a living namesake behind it.
            Some((Position { at: place as u32, slot: 0 }, chunk.inode_of(place, name, guard)?))
        })
    }

    /// The slot that holds an entry's inode.
    pub(super) fn slot(&self, position: Position) -> Option<&Slot<Inode>> {
        self.at(position).map(|(chunk, place)| &chunk.records[place].inode)
    }

    /// Calls `visit(cookie, name, inode)` for the entries whose cookie is `from` or more, until it says false. True if
    /// it came to the end; false also if a record is found empty, of which the caller decides what it means by
    /// `still`: whether this table is the present one.
    pub(super) fn visit<'g>(
        &self,
        from: u64,
        guard: &'g Guard,
        still: impl Fn() -> bool,
        mut visit: impl FnMut(u64, &[u8], Shared<'g, Inode>) -> bool,
    ) -> Visited {
        let first = self.chunk_of(from);
        for number in first.. {
            let Some(chunk) = self.chunk(number) else { break };
            let filled = chunk.filled.load(Ordering::Acquire) as usize;
            for place in chunk.seek(from)..filled {
                match chunk.records[place].inode.load(guard) {
                    Some(inode) => {
                        if !visit(chunk.cookie(place), chunk.name(place, &mut [0; INLINE]), inode) {
                            return Visited::Stopped;
                        }
                    }
                    None if still() => {}
                    None => return Visited::Moved,
                }
            }
        }
        Visited::All
    }

    /// The last chunk that can have the cookie.
    fn chunk_of(&self, cookie: u64) -> usize {
        let after = self.chunks.partition_point(|chunk| chunk.get().is_some_and(|c| c.cookie(0) <= cookie));
        after.saturating_sub(1)
    }
}

/// How a [`Table::visit`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visited {
    /// There are no more entries.
    All,
    /// The visitor had enough.
    Stopped,
    /// The entries have moved to another table: go on there.
    Moved,
}

impl Counts {
    /// Makes sure that the last chunk and the index have room for one more entry. What it returns is a table with the
    /// same entries that must be published at once.
    #[cold]
    pub(super) fn grow(&mut self, table: Option<&Table>) -> Result<Option<Box<Table>>, Errno> {
        let full = table.and_then(|table| self.last(table)).is_none_or(Chunk::is_full);
        if let Some(table) = table
            && self.index_has_room(table)
            && let Some(place) = table.chunks.get(self.chunks)
        {
            let _ = place.set(self.new_chunk()?);
            self.chunks += 1;
            return Ok(None);
        }
        let fresh = if full { Some(self.new_chunk()?) } else { None };
        let old = table.map_or(&[][..], |t| &t.chunks[..self.chunks]);
        let chunks = self.chunks + usize::from(full);
        let places = try_slice(chunks.next_power_of_two(), OnceLock::new).ok_or(Errno::ENOMEM)?;
        for (place, chunk) in places.iter().zip(old.iter().filter_map(OnceLock::get).cloned().chain(fresh)) {
            let _ = place.set(chunk);
        }
        let slots = if chunks > 1 { index_len(self.live + 1) } else { 0 };
        let index = try_slice(slots, || AtomicU32::new(FREE)).ok_or(Errno::ENOMEM)?;
        let grown = try_box(Table { index, chunks: places }).ok_or(Errno::ENOMEM)?;
        self.index_used = grown.fill_index();
        self.chunks = chunks;
        Ok(Some(grown))
    }

    fn new_chunk(&self) -> Result<Ref<Chunk>, Errno> {
        // Positions are 32 bits less two: no directory gets there, for its inodes would need 800 GB.
        if (self.chunks + 1) >> (30 - PLACE_BITS) != 0 {
            return Err(Errno::ENOSPC);
        }
        let capacity = FIRST.get(self.chunks).copied().unwrap_or(CHUNK);
        Chunk::try_new(capacity, Cookies::From(self.end()))
    }

    #[inline]
    fn last<'t>(&self, table: &'t Table) -> Option<&'t Chunk> {
        table.chunk(self.chunks.checked_sub(1)?).map(|chunk| &**chunk)
    }

    #[inline]
    fn index_has_room(&self, table: &Table) -> bool {
        table.index.is_empty() || self.index_used < table.index.len() / 4 * 3
    }

    /// Room for the entry `name`, or `None` if the table has to [`grow`](Self::grow) first.
    #[inline(always)]
    pub(super) fn room<'t>(&self, table: &'t Table, name: &Name<'_>) -> Result<Option<Room<'t>>, Errno> {
        match self.last(table) {
            Some(chunk) if !chunk.is_full() && self.index_has_room(table) => {
                Ok(Some(Room { table, chunk, long: chunk.reserve_long(name.bytes())? }))
            }
            _ => Ok(None),
        }
    }

    /// Adds the entry that there is [`Room`] for.
    #[inline]
    pub(super) fn insert(&mut self, room: Room<'_>, name: &Name<'_>, inode: Ref<Inode>) {
        let Room { table, chunk, long } = room;
        let number = self.chunks - 1;
        let place = chunk.filled.load(Ordering::Relaxed);
        chunk.push(name.hash, name.bytes().len(), name.words, long, inode);
        if table.put(name.hash, (number as u32) << PLACE_BITS | place) {
            self.index_used += 1;
        }
        self.used += 1;
        self.live += 1;
        self.next += 1;
    }

    /// Takes the entry out.
    #[inline]
    pub(super) fn remove(&mut self, table: &Table, position: Position) -> Option<Ref<Inode>> {
        if let Some(slot) = table.index.get(position.slot as usize) {
            slot.store(GONE, Ordering::Release);
        }
        self.live -= 1;
        table.slot(position)?.swap(None)
    }

    /// Takes the newest entry out, in constant time, and the place that it had: when nobody looks names up or adds any.
    pub(super) fn take_newest(&mut self, table: &Table) -> Option<Ref<Inode>> {
        while let Some(chunk) = table.chunk(self.chunks.checked_sub(1)?) {
            while let Some(place) = chunk.filled.load(Ordering::Relaxed).checked_sub(1) {
                chunk.filled.store(place, Ordering::Relaxed);
                if let Some(inode) = chunk.records[place as usize].inode.swap(None) {
                    self.live -= 1;
                    return Some(inode);
                }
            }
            self.chunks -= 1;
        }
        None
    }

    /// Whether so many records are dead that the living ones should move.
    pub(super) fn sparse(&self) -> bool {
        self.used > 4 * self.live + 2 * CHUNK
    }

    /// A table of the living entries alone, for [`Table::clear`] of the old one after it is published. `None` if the
    /// host has no memory for it: then things stay as they are.
    pub(super) fn compacted(&mut self, table: &Table, guard: &Guard) -> Option<Box<Table>> {
        let mut chunks = Vec::new();
        chunks.try_reserve_exact(self.live.div_ceil(CHUNK) + 1).ok()?;
        let mut living = Vec::new();
        living.try_reserve_exact(self.live).ok()?;
        for (number, chunk) in table.chunks.iter().map_while(OnceLock::get).enumerate() {
            let filled = chunk.filled.load(Ordering::Relaxed) as usize;
            living.extend((0..filled).filter(|p| !chunk.records[*p].inode.is_empty()).map(|p| (number, p)));
        }
        for group in living.chunks(CHUNK) {
            let cookies =
                try_copy_cookies(group.iter().map(|(n, p)| table.chunks[*n].get().map(|c| c.cookie(*p))))?;
            let new = Chunk::try_new(group.len(), Cookies::Each(cookies)).ok()?;
            for (number, place) in group {
                let old = table.chunk(*number)?;
                let record = &old.records[*place];
                let long = match old.long_name(*place) {
                    Some(name) => new.reserve_long(name).ok()?,
                    None => None,
                };
                let words = std::array::from_fn(|i| record.words[i].load(Ordering::Relaxed));
                let (hash, len) = (record.hash.load(Ordering::Relaxed), record.len.load(Ordering::Relaxed));
                new.push(hash, len as usize, words, long, record.inode.load(guard)?.upgrade()?);
            }
            chunks.push(new);
        }
        let places = try_slice((chunks.len() + 1).next_power_of_two(), OnceLock::new)?;
        for (place, chunk) in places.iter().zip(&chunks) {
            let _ = place.set(chunk.clone());
        }
        let index = try_slice(index_len(self.live + 1), || AtomicU32::new(FREE))?;
        let new = try_box(Table { index, chunks: places })?;
        self.index_used = new.fill_index();
        self.chunks = chunks.len();
        self.used = self.live;
        Some(new)
    }
}

fn try_copy_cookies(cookies: impl ExactSizeIterator<Item = Option<u64>>) -> Option<Box<[u64]>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(cookies.len()).ok()?;
    for cookie in cookies {
        copy.push(cookie?);
    }
    Some(copy.into_boxed_slice())
}

/// The size of an index for that many entries: at most half full, so that it can grow by half before it is made anew.
fn index_len(entries: usize) -> usize {
    (entries * 2).next_power_of_two().max(2 * FIRST[1])
}

impl Table {
    /// Puts a position into the index, if there is one; true if that used up a free slot.
    fn put(&self, hash: u32, position: u32) -> bool {
        if self.index.is_empty() {
            return false;
        }
        let mask = self.index.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let now = self.index[slot].load(Ordering::Relaxed);
            if now <= GONE {
                self.index[slot].store(position + 2, Ordering::Release);
                return now == FREE;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Puts all living entries into the index; how many slots that used.
    fn fill_index(&self) -> usize {
        let mut used = 0;
        for (number, chunk) in self.chunks.iter().map_while(OnceLock::get).enumerate() {
            for place in 0..chunk.filled.load(Ordering::Relaxed) as usize {
                let record = &chunk.records[place];
                if !record.inode.is_empty() {
                    let position = (number as u32) << PLACE_BITS | place as u32;
                    used += usize::from(self.put(record.hash.load(Ordering::Relaxed), position));
                }
            }
        }
        used
    }

    /// Lets go of all inodes.
    pub(super) fn clear(&self) {
        for chunk in self.chunks.iter().map_while(OnceLock::get) {
            for record in chunk.records.iter().filter(|record| !record.inode.is_empty()) {
                drop(record.inode.swap(None));
            }
        }
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        self.index.len() * 4 + self.chunks.len() * size_of::<OnceLock<Ref<Chunk>>>()
    }
}
