//! Copies between files, or within one, that share pages instead of copying bytes: copy_file_range(2) and
//! `FICLONERANGE` of ioctl_ficlonerange(2).
//!
//! A shared page is copied by the first write to it. It is charged to each file that has it: see [`Space`].

use super::arena::Page;
use super::contents::{Body, Contents, PAGE};
use super::space::Space;
use super::tree::{MAX_PAGES, Tree};
use crate::abi::{Errno, MAX_FILE_SIZE, PAGE_SIZE, Result};

/// The file that a copy is made from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// Another file of the same space.
    Other(&'a Contents),
    /// The file itself.
    Same,
}

/// What becomes of holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holes {
    /// They stay holes.
    Keep,
    /// They become pages of zeros.
    Fill,
}

/// The pages `from..from + n` of one file that come to `to..` of another.
#[derive(Debug, Clone, Copy)]
struct Move {
    from: u64,
    to: u64,
    n: u64,
}

impl Contents {
    /// Copies `len` bytes, or as many as the origin has, from its offset `from` to offset `to` (copy_file_range(2)).
    /// As in tmpfs, holes become zeros that take space. Returns how many bytes were copied.
    ///
    /// # Errors
    /// EINVAL: the ranges overlap in the same file. Else as [`write`](Self::write): the count is short if something was
    /// copied before.
    pub fn copy_range(
        &mut self,
        space: &Space,
        origin: Origin<'_>,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<u64> {
        let left = self.origin(origin).size.saturating_sub(from);
        let room = MAX_FILE_SIZE.checked_sub(to).filter(|&room| room != 0).ok_or(Errno::EFBIG)?;
        let len = len.min(left).min(room);
        check_overlap(origin, from, to, len)?;
        let mut done = 0;
        let mut most = u64::MAX;
        while done < len {
            match self.copy_some(space, origin, from + done, to + done, len - done, most) {
                Ok(copied) => done += copied,
                // There may be space for some of the pages.
                Err(Errno::ENOSPC) if most > 1 => most = most.min((len - done) / PAGE) / 2,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Makes `len` bytes from offset `to` on the same as those from `from` on of the origin, holes included
    /// (`FICLONERANGE`); `len` 0 is up to the end of the origin, so that all 0 is `FICLONE`.
    ///
    /// # Errors
    /// EINVAL: the offsets are not in whole pages, or the length is not while the range ends within either file; the
    /// range leaves the origin; the ranges overlap in the same file. EFBIG: beyond the largest size. ENOSPC, ENOMEM:
    /// nothing was changed.
    pub fn clone_range(
        &mut self,
        space: &Space,
        origin: Origin<'_>,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<()> {
        let size = self.origin(origin).size;
        let left = size.checked_sub(from).ok_or(Errno::EINVAL)?;
        if len == 0 && left == 0 {
            return Ok(());
        }
        let len = if len == 0 { left } else { len };
        let end = to.checked_add(len).filter(|&end| end <= MAX_FILE_SIZE).ok_or(Errno::EFBIG)?;
        let to_the_end = len == left && end >= self.size;
        let whole = from.is_multiple_of(PAGE) && to.is_multiple_of(PAGE);
        if len > left || !whole || !(len.is_multiple_of(PAGE) || to_the_end) {
            return Err(Errno::EINVAL);
        }
        check_overlap(origin, from, to, len)?;
        if matches!(self.body, Body::Mapped(_)) {
            return self.clone_to_mapped(space, origin, from, to, len);
        }
        if let Body::Mapped(mapped) = &self.origin(origin).body {
            let copy = mapped.leave(space, from / PAGE, (from + len).div_ceil(PAGE))?;
            return self.clone_copy(space, copy, size, from, to, len);
        }
        if self.has_pages(origin) {
            let pages = Move { from: from / PAGE, to: to / PAGE, n: len.div_ceil(PAGE) };
            self.share(space, origin, pages, Holes::Keep)?;
            self.size = self.size.max(end);
        } else {
            self.copy_bytes(space, origin, from, to, len as usize)?;
        }
        Ok(())
    }

    /// [`clone_range`](Self::clone_range) of pages that are nobody's.
    fn clone_copy(
        &mut self,
        space: &Space,
        copy: Tree,
        size: u64,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<()> {
        let mut copy = Contents { size, body: Body::Pages(copy) };
        let cloned = self.clone_range(space, Origin::Other(&copy), from, to, len);
        if let Body::Pages(tree) = &mut copy.body {
            let mut refund = space.refund();
            tree.remove(0, MAX_PAGES, |page| refund.page(page));
        }
        cloned
    }

    pub(super) fn origin<'a>(&'a self, origin: Origin<'a>) -> &'a Contents {
        match origin {
            Origin::Other(other) => other,
            Origin::Same => self,
        }
    }

    /// Whether the origin has pages that can be shared, and we can have them.
    fn has_pages(&self, origin: Origin<'_>) -> bool {
        matches!(self.origin(origin).body, Body::Pages(_)) && !matches!(self.body, Body::Mapped(_))
    }

    /// Copies at least one of `len` bytes, which both files have room for: whole pages, at most `most`, or a part of one.
    fn copy_some(
        &mut self,
        space: &Space,
        origin: Origin<'_>,
        from: u64,
        to: u64,
        len: u64,
        most: u64,
    ) -> Result<u64> {
        if len >= PAGE
            && most != 0
            && from.is_multiple_of(PAGE)
            && to.is_multiple_of(PAGE)
            && self.has_pages(origin)
        {
            let pages = Move { from: from / PAGE, to: to / PAGE, n: (len / PAGE).min(most) };
            self.share(space, origin, pages, Holes::Fill)?;
            self.size = self.size.max(to + pages.n * PAGE);
            return Ok(pages.n * PAGE);
        }
        let n = len.min(PAGE - to % PAGE).min(PAGE - from % PAGE);
        self.copy_bytes(space, origin, from, to, n as usize)
    }

    /// Copies up to a page, by way of a buffer.
    fn copy_bytes(&mut self, space: &Space, origin: Origin<'_>, from: u64, to: u64, n: usize) -> Result<u64> {
        let mut buffer = [0; PAGE_SIZE];
        let n = self.origin(origin).read(from, &mut &mut buffer[..n])?;
        self.write(space, to, &mut &buffer[..n]).map(|n| n as u64)
    }

    /// Puts pages of the origin in the place of ours: all or, after an error, none.
    fn share(&mut self, space: &Space, origin: Origin<'_>, pages: Move, holes: Holes) -> Result<()> {
        let Move { from, to, n } = pages;
        let tree = self.pages(space)?;
        let old = tree.count(to, to + n);
        let new = match holes {
            Holes::Keep => count_data(tree, origin, from, from + n),
            Holes::Fill => n,
        };
        space.charge(new.saturating_sub(old))?;
        make_slots(tree, space, origin, pages, holes)
            .inspect_err(|_| space.uncharge(new.saturating_sub(old)))?;

        let mut refund = space.refund();
        tree.clear(to, to + n, |page| refund.page(page));
        drop(refund);
        let mut at = from;
        while let Some(index) = next_data(tree, origin, at, from + n) {
            let page = origin_tree(tree, origin).get(index).map(Page::share);
            if let Some(slot) = tree.slot_mut(to + (index - from)) {
                *slot = page;
            }
            at = index + 1;
        }
        tree.charged = tree.charged - old + new;
        match holes {
            Holes::Keep => tree.prune(),
            Holes::Fill => tree.for_each_slot(to, to + n, |slot| {
                slot.get_or_insert_with(Page::zero);
            }),
        }
        space.uncharge(old.saturating_sub(new));
        Ok(())
    }
}

/// # Errors
/// EINVAL: the ranges overlap in the same file.
fn check_overlap(origin: Origin<'_>, from: u64, to: u64, len: u64) -> Result<()> {
    let overlap = from.max(to) - from.min(to) < len;
    if matches!(origin, Origin::Same) && overlap { Err(Errno::EINVAL) } else { Ok(()) }
}

/// The page map of the origin, given our own. An inline origin is not asked for it.
fn origin_tree<'a>(own: &'a Tree, origin: Origin<'a>) -> &'a Tree {
    const EMPTY: &Tree = &Tree::new();
    match origin {
        Origin::Same => own,
        Origin::Other(Contents { body: Body::Pages(tree), .. }) => tree,
        Origin::Other(_) => EMPTY,
    }
}

/// The first page with data among those of `from..to` of the origin.
fn next_data(own: &Tree, origin: Origin<'_>, from: u64, to: u64) -> Option<u64> {
    origin_tree(own, origin).find(from, to, |slot| slot.is_some_and(|page| !page.is_unwritten()))
}

/// How many pages with data there are among those of `from..to` of the origin.
fn count_data(own: &Tree, origin: Origin<'_>, from: u64, to: u64) -> u64 {
    let mut at = from;
    std::iter::from_fn(|| {
        let found = next_data(own, origin, at, to)?;
        at = found + 1;
        Some(found)
    })
    .count() as u64
}

/// Makes the slots that [`Contents::share`] fills.
fn make_slots(tree: &mut Tree, space: &Space, origin: Origin<'_>, pages: Move, holes: Holes) -> Result<()> {
    let Move { from, to, n } = pages;
    debug_assert!(from + n <= MAX_PAGES && to + n <= MAX_PAGES);
    if holes == Holes::Fill || n == 1 {
        return tree.prepare_all(to, to + n, space);
    }
    let mut at = from;
    while let Some(page) = next_data(tree, origin, at, from + n) {
        tree.prepare(to + (page - from), space)?;
        at = page + 1;
    }
    Ok(())
}
