//! Files that are mapped: while somebody has a mapping of a file, its bytes are in a file of the host's memory.
//!
//! Then the kernel makes mappings, reads, writes and truncations coherent, and stops those who touch what lies beyond
//! the end (SIGBUS), exactly as with a file of tmpfs. When the last mapping goes, the bytes move back to pages. Who makes
//! the mappings, and where, is the caller's to know; here they are [`View`]s.
//!
//! The host counts the pages, and its count is what the space charges: it grows without us knowing, when a mapping is
//! touched. So that the limit holds, the holes in a writable view are charged when it is made; what readers of a
//! mapping make of holes is charged late, and may exceed the limit.
//!
//! What a mapping stores past the end, in the last page, is no part of the file (mmap(2)): it is zero when the file grows,
//! as on ext4 and XFS. The host, whose tmpfs lets it appear, is told to clear it first.

use super::Origin;
use super::arena::Page;
use super::buffer::{Sink, Source};
use super::contents::{Body, Contents, PAGE, locate};
use super::range::first_without_space;
use super::space::Space;
use super::tree::{MAX_PAGES, Tree};
use crate::abi::{Errno, MAX_FILE_SIZE, PAGE_SIZE, Result, Timespec};
use crate::platform::memfd::Memfd;
use crate::sync::alloc::try_box;

/// How many bytes are copied at once.
const BUFFER: usize = 4 * PAGE_SIZE;

/// What a mapping shows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    /// Where in the file it begins.
    pub offset: u64,
    /// How many bytes of the file it shows.
    pub len: u64,
    /// Whether bytes written to the mapping are to appear in the file (`MAP_SHARED` with `PROT_WRITE`).
    pub writable: bool,
}

/// The bytes of a mapped file.
#[derive(Debug)]
pub(super) struct Mapped {
    file: Memfd,
    /// The pages that the space charges: those of `file`, and the holes in writable views.
    charged: u64,
    /// Marks pages that were allocated: those among them that the host calls holes have space all the same. What was
    /// allocated twice is marked with zeros: it is data, which the host does not tell past the end.
    allocated: Tree,
    /// In order.
    views: Vec<View>,
}

impl Contents {
    /// Adds a view: moves the bytes to a file of the host, if they are not there, and returns its descriptor, to be
    /// given to mmap(2) with the same offset and length. It is good until the view is [taken
    /// away](Self::unmap_shared); private mappings and those for reading need a view, too.
    ///
    /// # Errors
    /// ENOSPC: the space has not enough pages for the holes of a writable view. ENOMEM, EMFILE, ENFILE: the host's
    /// resources. ENODEV: the host has no such files. Nothing was changed.
    pub fn map_shared(&mut self, space: &Space, view: View) -> Result<i32> {
        let size = self.size;
        if !matches!(self.body, Body::Mapped(_)) {
            let tree = self.pages(space)?;
            let mapped = Mapped::enter(tree, space, size)?;
            let boxed = try_box(mapped).ok_or(Errno::ENOMEM)?;
            let mut refund = space.refund();
            tree.clear(0, MAX_PAGES, |page| refund.page(page));
            drop(refund);
            *tree = Tree::new();
            self.body = Body::Mapped(boxed);
        }
        let Body::Mapped(mapped) = &mut self.body else { return Err(Errno::EIO) };
        let added = mapped.add(space, size, view).map(|()| mapped.file.raw());
        if added.is_err() {
            self.unmap_if_unused(space);
        }
        added
    }

    /// Takes a view away, equal to one that was added, after its mapping is gone. To unmap a part, first add views for
    /// what stays: that does not fail for want of space.
    pub fn unmap_shared(&mut self, space: &Space, view: View) {
        let size = self.size;
        if let Body::Mapped(mapped) = &mut self.body {
            if let Ok(found) = mapped.views.binary_search(&view) {
                mapped.views.remove(found);
            }
            mapped.settle(space, size);
        }
        self.unmap_if_unused(space);
    }

    /// Charges what the mappings made of holes, and tells whether bytes were written through a mapping since the last
    /// call: then the file's time stamps are to change. For msync(2), munmap(2), and whenever the blocks matter.
    pub fn sync_mapped(&mut self, space: &Space) -> bool {
        let size = self.size;
        let Body::Mapped(mapped) = &mut self.body else { return false };
        mapped.settle(space, size);
        mapped.take_change()
    }

    /// Whether the host keeps the bytes, so that there may be something to [settle](Self::sync_mapped).
    pub fn is_mapped(&self) -> bool {
        matches!(self.body, Body::Mapped(_))
    }

    /// Moves the bytes back to pages, if there is no view. If the host has no memory for that now, they stay.
    fn unmap_if_unused(&mut self, space: &Space) {
        let Body::Mapped(mapped) = &mut self.body else { return };
        if !mapped.views.is_empty() {
            return;
        }
        let Ok(tree) = mapped.leave(space, 0, MAX_PAGES) else { return };
        space.charge_anyway(tree.charged.saturating_sub(mapped.charged));
        space.uncharge(mapped.charged.saturating_sub(tree.charged));
        self.body = Body::Pages(tree);
    }

    /// [`clone_range`](Self::clone_range) to a mapped file; what the range may be is checked.
    pub(super) fn clone_to_mapped(
        &mut self,
        space: &Space,
        origin: Origin<'_>,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<()> {
        let mut new = 0u64;
        self.origin(origin).for_each_data_page(from, len, |_, _| {
            new += 1;
            Ok(())
        })?;
        let (first, last) = (to / PAGE, (to + len).div_ceil(PAGE));
        let Body::Mapped(mapped) = &mut self.body else { return Err(Errno::EIO) };
        let old = (last - first) - mapped.unreserved(first, last);
        space.charge(new.saturating_sub(old))?;
        mapped.charged += new.saturating_sub(old);
        let file = &mapped.file;
        file.punch_hole(to, (last - first) * PAGE)?;
        if to + len > self.size {
            mapped.clear_tail(self.size)?;
            file.set_len(to + len)?;
        }
        mapped.allocated.remove(first, last, |_| {});
        let copied = self.origin(origin).for_each_data_page(from, len, |at, bytes| match &self.body {
            Body::Mapped(mapped) => mapped.write_all(to + (at - from), bytes),
            _ => Err(Errno::EIO),
        });
        self.size = self.size.max(to + len);
        self.own_change(space);
        copied
    }

    /// Calls `call` for each page with data in the range, with the offset and the bytes within the range.
    fn for_each_data_page(
        &self,
        from: u64,
        len: u64,
        mut call: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = [0; PAGE_SIZE];
        let end = from + len;
        let mut at = from;
        while let Some(data) = self.seek_data(at).ok().filter(|&data| data < end) {
            let n = (end - data).min(PAGE - data % PAGE) as usize;
            let n = self.read(data, &mut &mut buffer[..n])?;
            call(data, &buffer[..n])?;
            at = (data / PAGE + 1) * PAGE;
        }
        Ok(())
    }

    /// After a change of a mapped file that the caller makes.
    pub(super) fn own_change(&mut self, space: &Space) {
        let size = self.size;
        if let Body::Mapped(mapped) = &mut self.body {
            mapped.settle(space, size);
            mapped.take_change();
        }
    }
}

impl Mapped {
    /// Copies pages to a new file of the host.
    fn enter(tree: &Tree, space: &Space, size: u64) -> Result<Self> {
        let mut mapped =
            Self { file: Memfd::create()?, charged: tree.charged, allocated: Tree::new(), views: Vec::new() };
        // First, as setting the same size again drops what is allocated beyond it.
        mapped.file.set_len(size)?;
        let mut at = 0;
        while let Some(index) = tree.next(at, MAX_PAGES) {
            let start = index * PAGE;
            at = index + 1;
            match tree.get(index) {
                Some(page) if start < size && !page.is_unwritten() => {
                    let n = (size - start).min(PAGE) as usize;
                    mapped.write_all(start, &page.bytes()[..n])?;
                }
                page => {
                    let twice = page.is_some_and(|page| !page.is_unwritten());
                    let differs = |slot: Option<&Page>| slot.is_none_or(|page| page.is_unwritten() == twice);
                    at = tree.find(at, MAX_PAGES, differs).unwrap_or(MAX_PAGES);
                    mapped.allocate_charged(space, index, at)?;
                    if twice {
                        mapped.allocate_charged(space, index, at)?;
                    }
                }
            }
        }
        mapped.take_change();
        Ok(mapped)
    }

    /// Copies the bytes of the pages `from..to` to pages that are charged to nobody.
    pub(super) fn leave(&self, space: &Space, from: u64, to: u64) -> Result<Tree> {
        let mut tree = Tree::new();
        let copied = self.leave_to(&mut tree, space, from, to);
        if copied.is_err() {
            let mut refund = space.refund();
            tree.remove(0, MAX_PAGES, |page| refund.page(page));
        }
        copied.map(|()| tree)
    }

    fn leave_to(&self, tree: &mut Tree, space: &Space, from: u64, to: u64) -> Result<()> {
        let mut at = from;
        while let Some(index) = self.next_data(at, to) {
            let slot = tree.make_slot(index, space)?;
            let mut page = space.take_page(0)?;
            page.bytes_mut().fill(0);
            let read = self.read_all(index * PAGE, page.bytes_mut());
            *slot = Some(page.finish());
            tree.charged += 1;
            read?;
            at = index + 1;
        }
        at = from;
        while let Some(index) = self.allocated.next(at, to) {
            let slot = tree.make_slot(index, space)?;
            if slot.is_none() {
                *slot = self.allocated.get(index).map(Page::share);
                tree.charged += 1;
            }
            at = index + 1;
        }
        Ok(())
    }

    fn add(&mut self, space: &Space, size: u64, view: View) -> Result<()> {
        self.views.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let place = self.views.partition_point(|other| other < &view);
        self.views.insert(place, view);
        if view.writable {
            let missing = self.needed(size).map(|needed| needed.saturating_sub(self.charged));
            let charged = missing.and_then(|missing| space.charge(missing).map(|()| missing));
            match charged {
                Ok(missing) => self.charged += missing,
                Err(error) => {
                    self.views.remove(place);
                    return Err(error);
                }
            }
        }
        self.settle(space, size);
        Ok(())
    }

    /// The pages that the file has (`st_blocks`, but in pages).
    pub(super) fn pages(&self) -> u64 {
        self.file.stat().map_or(self.charged, |stat| stat.blocks / (PAGE / 512))
    }

    /// What is to be charged.
    fn needed(&self, size: u64) -> Result<u64> {
        let blocks = self.file.stat()?.blocks / (PAGE / 512);
        Ok(blocks + self.reserved(0, size.div_ceil(PAGE)))
    }

    /// Charges what is needed, be it more than the limit, or less than before.
    fn settle(&mut self, space: &Space, size: u64) {
        // fstat(2) of an open file has no reason to fail; if it does, the charge stays.
        let needed = self.needed(size).unwrap_or(self.charged);
        space.charge_anyway(needed.saturating_sub(self.charged));
        space.uncharge(self.charged.saturating_sub(needed));
        self.charged = needed;
    }

    /// Whether the file was changed since the last call of this kind.
    ///
    /// The host's clock is coarse, so its time stamp is set back each time: then any change shows.
    fn take_change(&mut self) -> bool {
        let changed = self.file.stat().is_ok_and(|stat| stat.mtime != Timespec::default());
        if changed {
            self.file.reset_mtime();
        }
        changed
    }

    /// Gives up all space.
    pub(super) fn release(&mut self, space: &Space) {
        space.uncharge(std::mem::take(&mut self.charged));
    }

    /// The first page with data in `from..to`.
    fn next_data(&self, from: u64, to: u64) -> Option<u64> {
        let start = from.checked_mul(PAGE).filter(|&at| at <= MAX_FILE_SIZE)?;
        let found = self.file.seek_data(start).map(|found| found / PAGE);
        found.or_else(|| self.last_page().filter(|&last| last >= from)).filter(|&found| found < to)
    }

    /// The last page that a file can have, if it has data: there the host finds neither data nor a hole, as its end is no
    /// offset.
    fn last_page(&self) -> Option<u64> {
        let start = (MAX_PAGES - 1) * PAGE;
        let within = self.file.stat().is_ok_and(|stat| stat.size > start);
        (within && self.file.seek_hole(start) != Some(start)).then_some(MAX_PAGES - 1)
    }

    /// How many pages of `from..to` have no space.
    fn holes(&self, from: u64, to: u64) -> u64 {
        let (mut at, mut holes) = (from, 0);
        while at < to {
            let data = self.next_data(at, to).unwrap_or(to);
            holes += (data - at) - self.allocated.count(at, data);
            if data == to {
                break;
            }
            at = self.file.seek_hole(data * PAGE).map_or(to, |hole| hole.div_ceil(PAGE)).max(data + 1);
        }
        holes
    }

    /// How many pages of `from..to` have no space, but are charged as they are in a writable view.
    fn reserved(&self, from: u64, to: u64) -> u64 {
        let (mut at, mut reserved) = (from, 0);
        for view in self.views.iter().filter(|view| view.writable) {
            let start = (view.offset / PAGE).max(at);
            let end = view.offset.saturating_add(view.len).div_ceil(PAGE).min(to);
            if start < end {
                reserved += self.holes(start, end);
                at = end;
            }
        }
        reserved
    }

    /// How many pages of `from..to` are to be charged when they are written.
    fn unreserved(&self, from: u64, to: u64) -> u64 {
        self.holes(from, to) - self.reserved(from, to)
    }

    /// Reads `len` bytes, not 0, that lie within the file.
    #[cold]
    pub(super) fn read<S: Sink + ?Sized>(&self, offset: u64, len: usize, sink: &mut S) -> Result<usize> {
        let mut buffer = [0; BUFFER];
        let mut done = 0;
        while done < len {
            let n = (len - done).min(BUFFER);
            let taken = match self.file.read(offset + done as u64, &mut buffer[..n]) {
                Ok(n) => sink.put(&buffer[..n]),
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            };
            done += taken;
            if taken < n {
                break;
            }
        }
        if done == 0 { Err(Errno::EFAULT) } else { Ok(done) }
    }

    /// Writes `len` bytes, not 0. The caller then settles the space.
    #[cold]
    pub(super) fn write<S: Source + ?Sized>(
        &mut self,
        space: &Space,
        offset: u64,
        len: usize,
        source: &mut S,
    ) -> Result<usize> {
        let mut buffer = [0; PAGE_SIZE];
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let (_, _, n) = locate(at, len - done);
            let written = match self.write_part(space, at, &mut buffer[..n], source) {
                Ok(written) => written,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            };
            done += written;
            if written < n {
                break;
            }
        }
        if done == 0 { Err(Errno::EFAULT) } else { Ok(done) }
    }

    /// Writes as many bytes as `buffer` is long, within one page.
    fn write_part<S: Source + ?Sized>(
        &mut self,
        space: &Space,
        at: u64,
        buffer: &mut [u8],
        source: &mut S,
    ) -> Result<usize> {
        let charge = self.unreserved(at / PAGE, at / PAGE + 1);
        space.charge(charge)?;
        self.charged += charge;
        let taken = source.take(buffer);
        if taken == 0 { Ok(0) } else { self.file.write(at, &buffer[..taken]) }
    }

    fn write_all(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.file.write(offset + done as u64, &bytes[done..])? {
                0 => return Err(Errno::EIO),
                n => done += n,
            }
        }
        Ok(())
    }

    /// Reads until `bytes` is full or the file ends.
    fn read_all(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.file.read(offset + done as u64, &mut bytes[done..])? {
                0 => break,
                n => done += n,
            }
        }
        Ok(done)
    }

    /// Changes the size from `old` to `new`. The caller then settles the space.
    pub(super) fn truncate(&mut self, old: u64, new: u64) -> Result<()> {
        if new > old {
            self.clear_tail(old)?;
        }
        self.file.set_len(new)?;
        if new <= old {
            self.allocated.remove(new.div_ceil(PAGE), MAX_PAGES, |_| {});
        }
        Ok(())
    }

    /// Makes zero what mappings stored past the end, in the last page, before a file of this size grows.
    pub(super) fn clear_tail(&self, size: u64) -> Result<()> {
        self.clear(size, size.next_multiple_of(PAGE))
    }

    /// Allocates the pages `from..to`.
    pub(super) fn allocate(&mut self, space: &Space, from: u64, to: u64) -> Result<()> {
        let charge = self.unreserved(from, to);
        if let Err(error) = space.charge(charge) {
            if error == Errno::ENOSPC {
                self.allocate_again(space, from, to)?;
            }
            return Err(error);
        }
        self.charged += charge;
        self.allocate_charged(space, from, to)
    }

    /// What is left of an allocation for want of space: see [`Contents::allocate`].
    #[cold]
    fn allocate_again(&mut self, space: &Space, from: u64, to: u64) -> Result<()> {
        let end = first_without_space(space, from, to, |index| self.unreserved(index, index + 1) != 0);
        let mut at = from;
        while let Some(index) = self.allocated.next(at, end) {
            self.allocate_charged(space, index, index + 1)?;
            at = index + 1;
        }
        Ok(())
    }

    /// Allocates pages that are charged already.
    fn allocate_charged(&mut self, space: &Space, from: u64, to: u64) -> Result<()> {
        self.allocated.prepare_all(from, to, space)?;
        self.file.allocate(from * PAGE, (to * PAGE).min(MAX_FILE_SIZE) - from * PAGE)?;
        let mut marked = 0;
        self.allocated.for_each_slot(from, to, |slot| match slot {
            Some(page) => *page = Page::zero(),
            None => {
                marked += 1;
                *slot = Some(Page::unwritten());
            }
        });
        self.allocated.charged += marked;
        Ok(())
    }

    pub(super) fn punch_hole(&mut self, offset: u64, end: u64) -> Result<()> {
        self.file.punch_hole(offset, end - offset)?;
        let (from, to) = (offset.div_ceil(PAGE), end / PAGE);
        if from < to {
            self.allocated.remove(from, to, |_| {});
        }
        Ok(())
    }

    pub(super) fn zero_range(&mut self, space: &Space, offset: u64, end: u64) -> Result<()> {
        let (from, to) = (offset / PAGE, end.div_ceil(PAGE));
        let charge = self.unreserved(from, to);
        space.charge(charge)?;
        self.charged += charge;
        self.punch_hole(offset, end)?;
        let whole = (offset.div_ceil(PAGE), end / PAGE);
        // A page at the edge that has space is left alone: allocated again it would be data.
        for edge in [from, to - 1] {
            if !(whole.0..whole.1).contains(&edge) && self.holes(edge, edge + 1) != 0 {
                self.allocate_charged(space, edge, edge + 1)?;
            }
        }
        if whole.0 < whole.1 { self.allocate_charged(space, whole.0, whole.1) } else { Ok(()) }
    }

    /// Takes `len` bytes at `offset`, whole pages within the file, out of it. Of what follows, space that was allocated
    /// but not written is given up: the host does not tell where it is.
    pub(super) fn collapse_range(&mut self, size: u64, offset: u64, len: u64) -> Result<()> {
        self.allocated.remove(offset / PAGE, MAX_PAGES, |_| {});
        let mut at = offset + len;
        while at < size {
            let data = self.file.seek_data(at).unwrap_or(size.next_multiple_of(PAGE));
            self.clear(at - len, data - len)?;
            at = data;
            if data < size {
                self.move_page(data, data - len, size)?;
                at += PAGE;
            }
        }
        self.file.set_len(size - len)
    }

    /// Puts a hole of `len` bytes, whole pages, at `offset`. What follows is treated as in `collapse_range`.
    pub(super) fn insert_range(&mut self, size: u64, offset: u64, len: u64) -> Result<()> {
        let runs = self.data_runs(offset)?;
        self.allocated.remove(offset / PAGE, MAX_PAGES, |_| {});
        self.file.set_len(size + len)?;
        // From the last on, so that none is overwritten before it has moved.
        let mut end = (size + len).next_multiple_of(PAGE);
        for &(from, to) in runs.iter().rev() {
            self.clear(to.next_multiple_of(PAGE) + len, end)?;
            let mut at = to.next_multiple_of(PAGE);
            while at > from {
                at -= PAGE;
                self.move_page(at, at + len, size)?;
            }
            end = from + len;
        }
        self.clear(offset, end)
    }

    /// The runs of data from `offset` on.
    fn data_runs(&self, offset: u64) -> Result<Vec<(u64, u64)>> {
        let (mut runs, mut at) = (Vec::new(), offset);
        while let Some(data) = self.file.seek_data(at) {
            at = self.file.seek_hole(data).ok_or(Errno::EIO)?;
            runs.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            runs.push((data, at));
        }
        Ok(runs)
    }

    /// Makes a hole, perhaps an empty one.
    fn clear(&self, from: u64, to: u64) -> Result<()> {
        let to = to.min(MAX_FILE_SIZE);
        if from < to { self.file.punch_hole(from, to - from) } else { Ok(()) }
    }

    /// Copies the page at offset `from`, or what the size leaves of it, to offset `to`.
    fn move_page(&self, from: u64, to: u64, size: u64) -> Result<()> {
        let mut buffer = [0; PAGE_SIZE];
        let n = (size - from).min(PAGE) as usize;
        let n = self.read_all(from, &mut buffer[..n])?;
        self.write_all(to, &buffer[..n])
    }

    pub(super) fn seek(&self, offset: u64, data: bool) -> Option<u64> {
        if data { self.file.seek_data(offset) } else { self.file.seek_hole(offset) }
    }
}
