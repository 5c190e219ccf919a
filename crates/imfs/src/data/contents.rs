//! The bytes of one file: reading, writing, and the size.
//!
//! [`Contents`] is either inline bytes or a map of pages. What all its operations keep: bytes past the size are zero,
//! wherever there is memory for them; a file is charged for each page that its map holds, an inline one for one page.

use super::arena::{NewPage, Page};
use super::buffer::{Sink, Source};
use super::mapped::Mapped;
use super::space::Space;
use super::tree::{MAX_PAGES, Run, Slot, Tree};
use crate::abi::{Errno, MAX_FILE_SIZE, PAGE_SIZE, Result};
use crate::platform::prefetch::prefetch;

pub(super) const PAGE: u64 = PAGE_SIZE as u64;
/// The largest file that needs no page.
const INLINE: usize = 20;
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Contents>() <= 32);

/// The bytes of a regular file, at most `i64::MAX` (`MAX_LFS_FILESIZE`).
///
/// Offsets are those of the system calls, already checked to be not negative. All pages come from one [`Space`], the
/// same in every call. It must be [`release`](Contents::release)d before it is dropped, or its space is lost.
#[derive(Debug)]
pub struct Contents {
    pub(super) size: u64,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Pages(Tree),
    /// Page 0 and no other; `size` is at most `INLINE`.
    Inline([u8; INLINE]),
    /// The host keeps the bytes, as they are mapped.
    Mapped(Box<Mapped>),
}

impl Contents {
    /// An empty file.
    pub const fn new() -> Self {
        Self { size: 0, body: Body::Pages(Tree::new()) }
    }

    /// The size (`st_size`).
    #[inline]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The space charged, in units of 512 bytes (`st_blocks`): whole pages, as tmpfs.
    pub fn blocks(&self) -> u64 {
        let pages = match &self.body {
            Body::Pages(tree) => tree.charged,
            Body::Inline(_) => 1,
            Body::Mapped(mapped) => mapped.pages(),
        };
        pages * (PAGE / 512)
    }

    /// Reads from `offset` on until `sink` is full or the file ends (pread(2)). Holes read as zeros.
    ///
    /// # Errors
    /// EFAULT: `sink` took nothing, though there was something. If it took less than there was, the count is short.
    #[inline]
    pub fn read<S: Sink + ?Sized>(&self, offset: u64, sink: &mut S) -> Result<usize> {
        let left = self.size.saturating_sub(offset);
        let len = usize::try_from(left).map_or(sink.len(), |left| left.min(sink.len()));
        if len == 0 {
            return Ok(0);
        }
        let done = match &self.body {
            Body::Pages(tree) => read_pages(tree, offset, len, sink),
            Body::Inline(bytes) => sink.put(&bytes[offset as usize..offset as usize + len]),
            Body::Mapped(mapped) => return mapped.read(offset, len, sink),
        };
        if done == 0 { Err(Errno::EFAULT) } else { Ok(done) }
    }

    /// Starts to load what is read next when a read of `len` bytes at `offset` has reached a page's end: the page behind it.
    /// The processor's own guesses end with a page, and without this the next read waits for memory once more.
    #[inline]
    pub fn read_ahead(&self, offset: u64, len: usize) {
        let (first, next) = (offset / PAGE, offset.saturating_add(len as u64) / PAGE);
        if first != next
            && let Body::Pages(tree) = &self.body
            && let Some(page) = tree.get(next)
        {
            prefetch(page.bytes());
        }
    }

    /// Writes all of `source` from `offset` on, growing the file if need be (pwrite(2)).
    ///
    /// # Errors
    /// ENOSPC, ENOMEM: no page for the first byte. EFAULT: `source` gave nothing. EFBIG: `offset` is `i64::MAX` or
    /// more. When any of these happens after the first byte, the count is short.
    #[inline]
    pub fn write<S: Source + ?Sized>(&mut self, space: &Space, offset: u64, source: &mut S) -> Result<usize> {
        let len = source.len();
        if len == 0 {
            return Ok(0);
        }
        let room = MAX_FILE_SIZE.checked_sub(offset).filter(|&room| room != 0).ok_or(Errno::EFBIG)?;
        let len = usize::try_from(room).map_or(len, |room| room.min(len));
        let fits = offset.saturating_add(len as u64).max(self.size) <= INLINE as u64;
        let done = match &mut self.body {
            Body::Mapped(mapped) => {
                if offset.saturating_add(len as u64) > self.size {
                    mapped.clear_tail(self.size)?;
                }
                let written = mapped.write(space, offset, len, source);
                self.size = self.size.max(written.map_or(0, |n| offset + n as u64));
                self.own_change(space);
                return written;
            }
            Body::Pages(tree) if tree.charged != 0 || !fits => write_pages(tree, space, offset, len, source)?,
            _ if fits => self.write_inline(space, offset as usize, len, source)?,
            _ => write_pages(self.pages(space)?, space, offset, len, source)?,
        };
        self.size = self.size.max(offset + done as u64);
        Ok(done)
    }

    /// Makes the size `size`, cutting off or adding zeros (ftruncate(2)). As in tmpfs, pages that fallocate(2) put
    /// beyond the end go when the size does not grow.
    ///
    /// # Errors
    /// EFBIG: beyond the largest size. ENOMEM: the host has no page for the copy of one that is shared, or for an
    /// inline file that grows.
    pub fn truncate(&mut self, space: &Space, size: u64) -> Result<()> {
        if size > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        if let Body::Mapped(mapped) = &mut self.body {
            mapped.truncate(self.size, size)?;
            self.size = size;
            self.own_change(space);
            return Ok(());
        }
        if size > self.size {
            if size > INLINE as u64 && matches!(self.body, Body::Inline(_)) {
                self.pages(space)?;
            }
            self.size = size;
            return Ok(());
        }
        match &mut self.body {
            Body::Inline(bytes) if size != 0 => bytes[size as usize..].fill(0),
            Body::Inline(_) => {
                space.uncharge(1);
                self.body = Body::Pages(Tree::new());
            }
            Body::Pages(tree) => {
                if !size.is_multiple_of(PAGE) {
                    clear_part(tree, space, size / PAGE, (size % PAGE) as usize, PAGE_SIZE)?;
                }
                remove_pages(tree, space, size.div_ceil(PAGE), MAX_PAGES);
            }
            Body::Mapped(_) => {}
        }
        self.size = size;
        Ok(())
    }

    /// Gives all space back; the file is then empty. Never fails: for the last close of a file without names.
    #[inline]
    pub fn release(&mut self, space: &Space) {
        self.size = 0;
        if !matches!(&self.body, Body::Pages(tree) if tree.charged == 0) {
            self.release_body(space);
        }
    }

    fn release_body(&mut self, space: &Space) {
        match &mut self.body {
            Body::Inline(_) => space.uncharge(1),
            Body::Pages(tree) => remove_pages(tree, space, 0, MAX_PAGES),
            Body::Mapped(mapped) => mapped.release(space),
        }
        self.body = Body::Pages(Tree::new());
    }

    /// The page map, into which inline bytes move. Not for mapped files: they have none.
    ///
    /// # Errors
    /// ENOMEM: the host has no page.
    pub(super) fn pages(&mut self, space: &Space) -> Result<&mut Tree> {
        if let Body::Inline(bytes) = &self.body {
            // Page 0 is charged already.
            let mut page = space.take_page(0)?;
            page.clear();
            page.bytes_mut()[..INLINE].copy_from_slice(bytes);
            let mut tree = Tree::new();
            // A tree of one page has no nodes, so this slot is there.
            *tree.make_slot(0, space)? = Some(page.finish());
            tree.charged = 1;
            self.body = Body::Pages(tree);
        }
        match &mut self.body {
            Body::Pages(tree) => Ok(tree),
            Body::Inline(_) | Body::Mapped(_) => Err(Errno::EIO),
        }
    }

    /// Writes to a file that is inline, or becomes so as it has no page.
    fn write_inline<S: Source + ?Sized>(
        &mut self,
        space: &Space,
        offset: usize,
        len: usize,
        source: &mut S,
    ) -> Result<usize> {
        let mut bytes = match &self.body {
            Body::Inline(bytes) => *bytes,
            _ => {
                space.charge(1)?;
                [0; INLINE]
            }
        };
        let done = source.take(&mut bytes[offset..offset + len]).min(len);
        if done == 0 {
            if !matches!(self.body, Body::Inline(_)) {
                space.uncharge(1);
            }
            return Err(Errno::EFAULT);
        }
        bytes[(self.size as usize).max(offset + done)..].fill(0);
        self.body = Body::Inline(bytes);
        Ok(done)
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        debug_assert!(self.blocks() == 0 || std::thread::panicking(), "contents dropped, but not released");
    }
}

/// Where `at` lies: page, place in it, and how many of `left` bytes lie in the page.
pub(super) fn locate(at: u64, left: usize) -> (u64, usize, usize) {
    let within = (at % PAGE) as usize;
    (at / PAGE, within, left.min(PAGE_SIZE - within))
}

/// Reads `len` bytes, not 0. Returns how many `sink` took.
#[inline]
fn read_pages<S: Sink + ?Sized>(tree: &Tree, offset: u64, len: usize, sink: &mut S) -> usize {
    let (index, within, n) = locate(offset, len);
    if n == len {
        return match tree.get(index) {
            Some(page) => sink.put(&page.bytes()[within..within + n]),
            None => sink.zero(n),
        };
    }
    read_many(tree, offset, len, sink)
}

/// [`read_pages`] over more than one page.
#[inline(never)]
fn read_many<S: Sink + ?Sized>(tree: &Tree, offset: u64, len: usize, sink: &mut S) -> usize {
    let mut done = 0;
    while done < len {
        let (index, within, n) = locate(offset + done as u64, len - done);
        match tree.run(index) {
            Run::Slots(slots) => {
                let (mut within, mut n) = (within, n);
                for slot in slots {
                    let taken = match slot {
                        Some(page) => sink.put(&page.bytes()[within..within + n]),
                        None => sink.zero(n),
                    };
                    done += taken;
                    if taken < n || done == len {
                        return done;
                    }
                    (within, n) = (0, (len - done).min(PAGE_SIZE));
                }
            }
            Run::Hole(pages) => {
                let hole = pages.saturating_mul(PAGE) - within as u64;
                let n = usize::try_from(hole).unwrap_or(usize::MAX).min(len - done);
                let taken = sink.zero(n);
                done += taken;
                if taken < n {
                    return done;
                }
            }
        }
    }
    done
}

/// Writes `len` bytes, not 0. Returns how many were written, or why none were.
#[inline]
fn write_pages<S: Source + ?Sized>(
    tree: &mut Tree,
    space: &Space,
    offset: u64,
    len: usize,
    source: &mut S,
) -> Result<usize> {
    let mut done = 0;
    while done < len {
        let (index, within, n) = locate(offset + done as u64, len - done);
        let written = match tree.slot_mut(index).and_then(Option::as_mut).and_then(Page::owned) {
            Some(bytes) => Ok(source.take_again(&mut bytes[within..within + n])),
            None => write_new(tree, space, index, within, n, source),
        };
        match written {
            Ok(written) => {
                done += written;
                if written < n {
                    break;
                }
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    if done == 0 { Err(Errno::EFAULT) } else { Ok(done) }
}

/// Writes `n` bytes of one page to a new page, in the place of a hole or of one that is shared or virtual.
fn write_new<S: Source + ?Sized>(
    tree: &mut Tree,
    space: &Space,
    index: u64,
    within: usize,
    n: usize,
    source: &mut S,
) -> Result<usize> {
    let slot = tree.make_slot(index, space)?;
    let charge = u64::from(slot.is_none());
    let mut new = space.take_page(charge)?;
    if n < PAGE_SIZE {
        copy_rest(&mut new, slot, within, within + n);
    }
    let written = source.take(&mut new.bytes_mut()[within..within + n]);
    if written < n {
        if written == 0 {
            space.give_page(new.finish(), charge);
            return Ok(0);
        }
        copy_rest(&mut new, slot, within, within + written);
    }
    replace(slot, new, space);
    tree.charged += charge;
    Ok(written)
}

/// Fills a new page with what the old one has outside of `from..to`.
fn copy_rest(new: &mut NewPage, old: &Slot, from: usize, to: usize) {
    match old {
        Some(old) if !old.is_virtual() => {
            let bytes = new.bytes_mut();
            bytes[..from].copy_from_slice(&old.bytes()[..from]);
            bytes[to..].copy_from_slice(&old.bytes()[to..]);
        }
        _ if new.zeroed => {}
        _ => {
            let bytes = new.bytes_mut();
            bytes[..from].fill(0);
            bytes[to..].fill(0);
        }
    }
}

/// Puts a page in the place of another that was charged as well, or of a hole.
fn replace(slot: &mut Slot, new: NewPage, space: &Space) {
    if let Some(old) = slot.replace(new.finish()) {
        space.give_page(old, 0);
    }
}

/// Makes the page at `index`, if it has memory, one that can be written. The bytes stay the same.
///
/// # Errors
/// ENOMEM: the host has no page.
pub(super) fn unshare(tree: &mut Tree, space: &Space, index: u64) -> Result<()> {
    let Some(slot) = tree.slot_mut(index) else { return Ok(()) };
    let Some(page) = slot else { return Ok(()) };
    if page.is_virtual() || page.owned().is_some() {
        return Ok(());
    }
    let mut new = space.take_page(0)?;
    new.bytes_mut().copy_from_slice(page.bytes());
    replace(slot, new, space);
    Ok(())
}

/// Makes the bytes `from..to` of a page zero.
///
/// # Errors
/// ENOMEM: the page is shared, and the host has none for a copy.
pub(super) fn clear_part(tree: &mut Tree, space: &Space, index: u64, from: usize, to: usize) -> Result<()> {
    unshare(tree, space, index)?;
    if let Some(bytes) = tree.slot_mut(index).and_then(Option::as_mut).and_then(Page::owned) {
        bytes[from..to].fill(0);
    }
    Ok(())
}

/// Takes the pages of `from..to` out and gives them back.
pub(super) fn remove_pages(tree: &mut Tree, space: &Space, from: u64, to: u64) {
    if tree.charged != 0 {
        let mut refund = space.refund();
        tree.remove(from, to, |page| refund.charged_page(page));
    }
}
