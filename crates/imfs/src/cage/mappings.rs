//! The table of a cage's mappings: which addresses of the host it mapped, and which views of files they show.
//!
//! What is not in the table is not the cage's, and is never unmapped. A view lives exactly as long as its mapping: new
//! ones are added before the host is asked, old ones go after it has answered, so that a refusal changes nothing.
//!
//! Kept in order of address in one piece of memory: looking up is a search, and the host limits how many there can be
//! (`vm.max_map_count`).

use std::ops::Range;

use super::description::Description;
use crate::abi::{Errno, MapFlags, MsyncFlags, Result};
use crate::inode::FileView;
use crate::platform::mapping as host;
use crate::sync::refcount::Ref;

/// One mapping, or what is left of one.
#[derive(Debug)]
struct Mapping {
    start: usize,
    end: usize,
    /// What it shows; anonymous mappings show no file.
    file: Option<MappedFile>,
}

/// The file of a mapping.
#[derive(Debug)]
pub(super) struct MappedFile {
    pub(super) view: FileView,
    /// What it was mapped through stays open, and keeps its locks (`vm_file`).
    pub(super) description: Ref<Description>,
}

impl MappedFile {
    /// The bytes `from..to` of the mapping, as those of another one beside it.
    fn part(&self, from: u64, to: u64) -> Result<Self> {
        Ok(Self { view: self.view.part(from, to)?, description: self.description.clone() })
    }
}

impl Mapping {
    /// The addresses `start..end` of it, as a mapping of their own, made beside this one.
    fn part(&self, start: usize, end: usize) -> Result<Self> {
        let (from, to) = ((start - self.start) as u64, (end - self.start) as u64);
        let file = self.file.as_ref().map(|file| file.part(from, to)).transpose()?;
        Ok(Self { start, end, file })
    }
}

/// What the host is asked to map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) addr: usize,
    /// Whole pages, not 0.
    pub(super) len: usize,
    pub(super) prot: u32,
    /// As the host gets them.
    pub(super) flags: MapFlags,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    /// None overlaps another.
    sorted: Vec<Mapping>,
    /// Whether the cage has exited.
    closed: bool,
}

/// What stays of the mappings that reach into a range: of the first what is before it, of the last what is behind it.
type Rest = [Option<Mapping>; 2];

impl Mappings {
    /// Makes a mapping, and returns its address.
    ///
    /// # Safety
    /// With `MAP_FIXED` without `MAP_FIXED_NOREPLACE` nobody uses what is in the range.
    ///
    /// # Errors
    /// ESRCH: the cage has exited. ENOMEM; those of the host.
    pub(super) unsafe fn map(&mut self, request: Request, file: Option<MappedFile>) -> Result<usize> {
        if self.closed {
            return Err(Errno::ESRCH);
        }
        self.reserve()?;
        let Request { addr, len, prot, flags } = request;
        let fixed = flags & (MapFlags::FIXED | MapFlags::FIXED_NOREPLACE) == MapFlags::FIXED;
        let displaced = if fixed { Some(self.rest(addr, addr + len)?) } else { None };
        let (fd, offset) = file.as_ref().map_or((-1, 0), |file| (file.view.fd(), file.view.offset()));
        // SAFETY: the caller's promise.
        let start = unsafe { host::map(addr, len, prot, flags.bits(), fd, offset) }?;
        let end = start + len;
        // If the host chose the address, whatever the table has there was unmapped behind its back.
        let rest = displaced.map_or_else(|| self.rest(start, end), Ok);
        let rest = rest.inspect_err(|_| {
            // SAFETY: it was just mapped, and nobody knows of it.
            let _ = unsafe { host::unmap(start, len) };
        })?;
        self.replace(start, end, rest, Some(Mapping { start, end, file }));
        Ok(start)
    }

    /// Unmaps what the cage has in the range.
    ///
    /// # Errors
    /// ENOMEM: a mapping could not be split. What stands before it may be gone.
    pub(super) fn unmap(&mut self, start: usize, end: usize) -> Result<()> {
        let [before, after] = self.rest(start, end)?;
        let (mut done, mut result) = (start, Ok(()));
        for mapping in &self.sorted[self.within(start, end)] {
            let (from, to) = (mapping.start.max(start), mapping.end.min(end));
            // SAFETY: the cage mapped it, as the table says, and asks for its end.
            result = unsafe { host::unmap(from, to - from) };
            if result.is_err() {
                break;
            }
            done = to;
        }
        if done > start {
            // After a refusal `done` is the end of a mapping, and nothing that stays reaches into the range from behind.
            let after = if result.is_ok() { after } else { None };
            self.replace(start, done, [before, after], None);
        }
        result
    }

    /// Unmaps everything, and with `close` refuses new mappings.
    pub(super) fn unmap_all(&mut self, close: bool) {
        self.closed |= close;
        for mapping in std::mem::take(&mut self.sorted) {
            // SAFETY: as in `unmap`; the process ends, or its program does.
            if unsafe { host::unmap(mapping.start, mapping.end - mapping.start) }.is_err() {
                // What the host still shows must stay.
                std::mem::forget(mapping);
            }
        }
    }

    /// Lets the host write back the range, and notes what was stored to files.
    ///
    /// # Errors
    /// ENOMEM: not all of the range is mapped; what is, is synchronized. EBUSY: `MS_INVALIDATE` of locked pages.
    pub(super) fn sync(&self, start: usize, end: usize, flags: MsyncFlags) -> Result<()> {
        let mut reached = start;
        let mut whole = true;
        for mapping in &self.sorted[self.within(start, end)] {
            whole &= mapping.start <= reached;
            // With MS_ASYNC alone the kernel goes no further.
            if !whole && flags == MsyncFlags::ASYNC {
                return Err(Errno::ENOMEM);
            }
            let (from, to) = (mapping.start.max(start), mapping.end.min(end));
            host::sync(from, to - from, flags.bits())?;
            if let Some(file) = &mapping.file {
                file.view.settle();
            }
            reached = to;
        }
        if whole && reached == end { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// The mappings that have addresses in the range, which is not empty.
    fn within(&self, start: usize, end: usize) -> Range<usize> {
        let first = self.sorted.partition_point(|mapping| mapping.end <= start);
        let behind = self.sorted.partition_point(|mapping| mapping.start < end);
        first..behind
    }

    /// Takes memory for a mapping and what one is cut into.
    fn reserve(&mut self) -> Result<()> {
        self.sorted.try_reserve(3).map_err(|_| Errno::ENOMEM)
    }

    /// Makes what [`replace`](Self::replace) needs, so that it cannot fail: nothing for whole mappings.
    fn rest(&mut self, start: usize, end: usize) -> Result<Rest> {
        let within = self.within(start, end);
        if self.sorted[within.clone()].iter().any(|one| one.start < start && one.end > end) {
            self.reserve()?;
        }
        let within = &self.sorted[within];
        let before = within.first().filter(|first| first.start < start);
        let after = within.last().filter(|last| last.end > end);
        Ok([
            before.map(|first| first.part(first.start, start)).transpose()?,
            after.map(|last| last.part(end, last.end)).transpose()?,
        ])
    }

    /// Puts a mapping, or nothing, in place of what the table has in the range. The host has done so.
    fn replace(&mut self, start: usize, end: usize, rest: Rest, new: Option<Mapping>) {
        let range = self.within(start, end);
        let at = range.start;
        self.sorted.drain(range);
        let [before, after] = rest;
        for (n, mapping) in before.into_iter().chain(new).chain(after).enumerate() {
            self.sorted.insert(at + n, mapping);
        }
    }
}
