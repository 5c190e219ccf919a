//! Ranges of a file's space: the modes of fallocate(2).
//!
//! The rules are those of `shmem_fallocate` where tmpfs has the mode (allocate, punch), else those of ext4 and XFS. Only
//! the range is checked here; the caller knows file types, seals and resource limits.

use super::arena::Page;
use super::contents::{Body, Contents, PAGE, clear_part, remove_pages, unshare};
use super::space::Space;
use super::tree::{MAX_PAGES, Slot, Tree};
use crate::abi::{Errno, MAX_FILE_SIZE, PAGE_SIZE, Result};

/// The end of a range.
///
/// # Errors
/// EINVAL: it is empty. EFBIG: it ends beyond the largest size.
fn end_of(offset: u64, len: u64) -> Result<u64> {
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    offset.checked_add(len).filter(|&end| end <= MAX_FILE_SIZE).ok_or(Errno::EFBIG)
}

impl Contents {
    /// Makes sure that writing to the range never meets ENOSPC (fallocate(2), mode 0 or `FALLOC_FL_KEEP_SIZE`). Memory
    /// comes only with the first write; as in tmpfs, until then the space is a hole to lseek(2), unless it is allocated
    /// a second time.
    ///
    /// # Errors
    /// ENOSPC, ENOMEM: nothing was changed, but that what was allocated before, up to where the space ends, counts as
    /// allocated a second time, as in tmpfs. EINVAL: the range is empty. EFBIG: it ends beyond the largest size.
    pub fn allocate(&mut self, space: &Space, offset: u64, len: u64, keep_size: bool) -> Result<()> {
        let end = end_of(offset, len)?;
        let (from, to) = (offset / PAGE, end.div_ceil(PAGE));
        if let Body::Mapped(mapped) = &mut self.body {
            let done = mapped.allocate(space, from, to);
            return self.changed_mapped(space, done, end, keep_size);
        }
        let tree = self.pages(space)?;
        if let Err(error) = reserve(tree, space, from, to) {
            if error == Errno::ENOSPC {
                let end = first_without_space(space, from, to, |index| tree.get(index).is_none());
                tree.for_each_slot(from, end, write_zeros);
            }
            return Err(error);
        }
        tree.for_each_slot(from, to, |slot| match slot {
            None => *slot = Some(Page::unwritten()),
            Some(_) => write_zeros(slot),
        });
        self.extend(end, keep_size);
        Ok(())
    }

    /// Makes the range a hole: whole pages go, the rest becomes zero (`FALLOC_FL_PUNCH_HOLE`). The size stays.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate), but never ENOSPC.
    pub fn punch_hole(&mut self, space: &Space, offset: u64, len: u64) -> Result<()> {
        let end = end_of(offset, len)?;
        match &mut self.body {
            Body::Inline(_) if offset == 0 && end >= PAGE => {
                space.uncharge(1);
                self.body = Body::Pages(Tree::new());
            }
            Body::Inline(bytes) => {
                let [from, to] = [offset, end].map(|at| at.min(bytes.len() as u64) as usize);
                bytes[from..to].fill(0);
            }
            Body::Pages(tree) => {
                unshare_edges(tree, space, offset, end)?;
                clear_edges(tree, space, offset, end)?;
                let (from, to) = (offset.div_ceil(PAGE), end / PAGE);
                if from < to {
                    remove_pages(tree, space, from, to);
                }
            }
            Body::Mapped(mapped) => {
                let done = mapped.punch_hole(offset, end);
                return self.changed_mapped(space, done, end, true);
            }
        }
        Ok(())
    }

    /// Makes the range zeros, with space allocated for it (`FALLOC_FL_ZERO_RANGE`).
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn zero_range(&mut self, space: &Space, offset: u64, len: u64, keep_size: bool) -> Result<()> {
        let end = end_of(offset, len)?;
        if let Body::Mapped(mapped) = &mut self.body {
            let done = mapped.zero_range(space, offset, end);
            return self.changed_mapped(space, done, end, keep_size);
        }
        let tree = self.pages(space)?;
        unshare_edges(tree, space, offset, end)?;
        reserve(tree, space, offset / PAGE, end.div_ceil(PAGE))?;
        clear_edges(tree, space, offset, end)?;
        for (index, ..) in edges(offset, end) {
            tree.for_each_slot(index, index + 1, |slot| {
                slot.get_or_insert_with(Page::unwritten);
            });
        }
        let mut refund = space.refund();
        tree.for_each_slot(offset.div_ceil(PAGE), end / PAGE, |slot| {
            slot.replace(Page::unwritten()).into_iter().for_each(|old| refund.page(old));
        });
        drop(refund);
        self.extend(end, keep_size);
        Ok(())
    }

    /// Takes the range out of the file; what follows moves down (`FALLOC_FL_COLLAPSE_RANGE`).
    ///
    /// # Errors
    /// EINVAL: offset or length is 0 pages or not whole ones, or the range reaches the end of the file. ENOMEM: the
    /// host has no memory for the page map; nothing was changed.
    pub fn collapse_range(&mut self, space: &Space, offset: u64, len: u64) -> Result<()> {
        let end = end_of(offset, len)?;
        if !offset.is_multiple_of(PAGE) || !len.is_multiple_of(PAGE) || end >= self.size {
            return Err(Errno::EINVAL);
        }
        if let Body::Mapped(mapped) = &mut self.body {
            let done = mapped.collapse_range(self.size, offset, len);
            self.size -= if done.is_ok() { len } else { 0 };
            return self.changed_mapped(space, done, end, true);
        }
        let tree = self.pages(space)?;
        let (from, to, n) = (offset / PAGE, end / PAGE, len / PAGE);
        let mut at = to;
        while let Some(page) = tree.next(at, MAX_PAGES) {
            tree.prepare(page - n, space)?;
            at = page + 1;
        }
        let mut refund = space.refund();
        let mut gone = 0;
        tree.clear(from, to, |page| {
            gone += 1;
            refund.charged_page(page);
        });
        drop(refund);
        tree.charged -= gone;
        at = to;
        while let Some(page) = tree.next(at, MAX_PAGES) {
            tree.shift(page, page - n);
            at = page + 1;
        }
        tree.prune();
        self.size -= len;
        Ok(())
    }

    /// Puts a hole into the file; what was there moves up (`FALLOC_FL_INSERT_RANGE`).
    ///
    /// # Errors
    /// EINVAL: offset or length is not in whole pages, or the offset not within the file. EFBIG: the file would be
    /// larger than the largest size. ENOMEM as in [`collapse_range`](Self::collapse_range).
    pub fn insert_range(&mut self, space: &Space, offset: u64, len: u64) -> Result<()> {
        end_of(offset, len)?;
        if !offset.is_multiple_of(PAGE) || !len.is_multiple_of(PAGE) || offset >= self.size {
            return Err(Errno::EINVAL);
        }
        let end = end_of(self.size, len)?;
        if let Body::Mapped(mapped) = &mut self.body {
            let done = mapped.insert_range(self.size, offset, len);
            return self.changed_mapped(space, done, end, false);
        }
        let tree = self.pages(space)?;
        let (from, n) = (offset / PAGE, len / PAGE);
        // Beyond the end there may be allocated pages, which move as well.
        if tree.last(MAX_PAGES).is_some_and(|last| last >= from && last + n >= MAX_PAGES) {
            return Err(Errno::EFBIG);
        }
        // From the last on, so that none lands on one that was there.
        let mut at = MAX_PAGES;
        while let Some(page) = tree.last(at).filter(|&page| page >= from) {
            tree.prepare(page + n, space)?;
            at = page;
        }
        at = MAX_PAGES;
        while let Some(page) = tree.last(at).filter(|&page| page >= from) {
            tree.shift(page, page + n);
            at = page;
        }
        tree.prune();
        self.size += len;
        Ok(())
    }

    /// After a change of a mapped file, of which the host grew no size.
    fn changed_mapped(&mut self, space: &Space, done: Result<()>, end: u64, keep_size: bool) -> Result<()> {
        let grown =
            if done.is_ok() && !keep_size && end > self.size { self.truncate(space, end) } else { Ok(()) };
        self.own_change(space);
        done.and(grown)
    }

    fn extend(&mut self, end: u64, keep_size: bool) {
        if !keep_size {
            self.size = self.size.max(end);
        }
    }
}

/// Charges all holes of `from..to` and makes slots for them, which the caller then fills.
///
/// # Errors
/// ENOSPC, ENOMEM: nothing is charged.
fn reserve(tree: &mut Tree, space: &Space, from: u64, to: u64) -> Result<()> {
    let missing = (to - from) - tree.count(from, to);
    space.charge(missing)?;
    tree.prepare_all(from, to, space).inspect_err(|_| space.uncharge(missing))?;
    tree.charged += missing;
    Ok(())
}

/// What a second allocation does: space that was allocated becomes zeros.
fn write_zeros(slot: &mut Slot) {
    if let Some(page) = slot
        && page.is_unwritten()
    {
        *page = Page::zero();
    }
}

/// The first hole of `from..to` that there is no space for, where tmpfs gives up (`shmem_fallocate`): at once if the range
/// is larger than all its space.
pub(super) fn first_without_space(space: &Space, from: u64, to: u64, is_hole: impl Fn(u64) -> bool) -> u64 {
    if space.total().is_some_and(|total| to - from > total) {
        return from;
    }
    let free = usize::try_from(space.free()).unwrap_or(usize::MAX);
    (from..to).filter(|index| is_hole(*index)).nth(free).unwrap_or(to)
}

/// The pages that a range of bytes touches without covering them, each with the part that it touches.
fn edges(offset: u64, end: u64) -> impl Iterator<Item = (u64, usize, usize)> {
    let (first, last) = (offset / PAGE, end / PAGE);
    let (start, stop) = ((offset % PAGE) as usize, (end % PAGE) as usize);
    let head = (start != 0).then_some((first, start, if first == last { stop } else { PAGE_SIZE }));
    let tail = (stop != 0 && (first != last || start == 0)).then_some((last, 0, stop));
    head.into_iter().chain(tail)
}

/// What can fail in [`clear_edges`].
fn unshare_edges(tree: &mut Tree, space: &Space, offset: u64, end: u64) -> Result<()> {
    edges(offset, end).try_for_each(|(index, ..)| unshare(tree, space, index))
}

/// Makes the edges of a range zero. After [`unshare_edges`] it does not fail.
fn clear_edges(tree: &mut Tree, space: &Space, offset: u64, end: u64) -> Result<()> {
    edges(offset, end).try_for_each(|(index, from, to)| clear_part(tree, space, index, from, to))
}
