//! A slow model of the data layer: each page a map entry, each byte moved alone. It predicts results and errors.

use std::collections::BTreeMap;

use super::PAGE;
use crate::abi::{Errno, MAX_FILE_SIZE};

/// `None` is a page that is allocated but was not written.
type Page = Option<Vec<u8>>;

#[derive(Default, Clone)]
pub(super) struct Model {
    pub(super) size: u64,
    pages: BTreeMap<u64, Page>,
}

fn check(offset: u64, len: u64) -> Result<u64, Errno> {
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    offset.checked_add(len).filter(|&end| end <= MAX_FILE_SIZE).ok_or(Errno::EFBIG)
}

impl Model {
    pub(super) fn used(&self) -> u64 {
        self.pages.len() as u64
    }

    fn byte(&self, at: u64) -> u8 {
        match self.pages.get(&(at / PAGE)) {
            Some(Some(page)) => page[(at % PAGE) as usize],
            _ => 0,
        }
    }

    pub(super) fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        (offset..self.size.min(offset + len as u64)).map(|at| self.byte(at)).collect()
    }

    /// `free` is how many pages the space has left.
    pub(super) fn write(&mut self, free: u64, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if offset >= MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let most = self.used() + free;
        let mut done = 0;
        for (at, &byte) in (offset..MAX_FILE_SIZE).zip(bytes) {
            if self.used() == most && !self.pages.contains_key(&(at / PAGE)) {
                break;
            }
            let page = self.pages.entry(at / PAGE).or_default();
            page.get_or_insert_with(|| vec![0; PAGE as usize])[(at % PAGE) as usize] = byte;
            done += 1;
        }
        if done == 0 {
            return Err(Errno::ENOSPC);
        }
        self.size = self.size.max(offset + done as u64);
        Ok(done)
    }

    fn clear(&mut self, from: u64, to: u64) {
        for (&index, page) in self.pages.range_mut(from / PAGE..to.div_ceil(PAGE)) {
            for (i, byte) in page.iter_mut().flatten().enumerate() {
                if (from..to).contains(&(index * PAGE + i as u64)) {
                    *byte = 0;
                }
            }
        }
    }

    pub(super) fn truncate(&mut self, size: u64) -> Result<(), Errno> {
        if size > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        if size <= self.size {
            self.clear(size, size.next_multiple_of(PAGE));
            self.pages.split_off(&size.div_ceil(PAGE));
        }
        self.size = size;
        Ok(())
    }

    fn reserve(&self, free: u64, from: u64, to: u64) -> Result<(), Errno> {
        let missing = (to - from) - self.pages.range(from..to).count() as u64;
        if missing > free { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    fn extend(&mut self, end: u64, keep_size: bool) {
        if !keep_size && end > self.size {
            self.size = end;
        }
    }

    pub(super) fn allocate(
        &mut self,
        free: u64,
        offset: u64,
        len: u64,
        keep_size: bool,
    ) -> Result<(), Errno> {
        let end = check(offset, len)?;
        let range = offset / PAGE..end.div_ceil(PAGE);
        self.reserve(free, range.start, range.end)?;
        for index in range {
            self.pages
                .entry(index)
                .and_modify(|page| *page = Some(page.take().unwrap_or_else(|| vec![0; PAGE as usize])))
                .or_insert(None);
        }
        self.extend(end, keep_size);
        Ok(())
    }

    pub(super) fn punch_hole(&mut self, offset: u64, len: u64) -> Result<(), Errno> {
        let end = check(offset, len)?;
        self.clear(offset, end);
        self.pages.retain(|&index, _| index * PAGE < offset || (index + 1) * PAGE > end);
        Ok(())
    }

    pub(super) fn zero_range(
        &mut self,
        free: u64,
        offset: u64,
        len: u64,
        keep_size: bool,
    ) -> Result<(), Errno> {
        let end = check(offset, len)?;
        let range = offset / PAGE..end.div_ceil(PAGE);
        self.reserve(free, range.start, range.end)?;
        self.clear(offset, end);
        for index in range {
            let page = self.pages.entry(index).or_default();
            if index * PAGE >= offset && (index + 1) * PAGE <= end {
                *page = None;
            }
        }
        self.extend(end, keep_size);
        Ok(())
    }

    pub(super) fn collapse_range(&mut self, offset: u64, len: u64) -> Result<(), Errno> {
        let end = check(offset, len)?;
        if !offset.is_multiple_of(PAGE) || !len.is_multiple_of(PAGE) || end >= self.size {
            return Err(Errno::EINVAL);
        }
        let behind = self.pages.split_off(&(end / PAGE));
        self.pages.split_off(&(offset / PAGE));
        self.pages.extend(behind.into_iter().map(|(index, page)| (index - len / PAGE, page)));
        self.size -= len;
        Ok(())
    }

    pub(super) fn insert_range(&mut self, offset: u64, len: u64) -> Result<(), Errno> {
        check(offset, len)?;
        if !offset.is_multiple_of(PAGE) || !len.is_multiple_of(PAGE) || offset >= self.size {
            return Err(Errno::EINVAL);
        }
        let last = self.pages.keys().next_back().map_or(0, |&last| (last + 1) * PAGE);
        check(last.saturating_sub(1).max(self.size), len)?;
        let behind = self.pages.split_off(&(offset / PAGE));
        self.pages.extend(behind.into_iter().map(|(index, page)| (index + len / PAGE, page)));
        self.size += len;
        Ok(())
    }

    /// What a mapped file loses of its allocated space when its bytes move: what was not written.
    pub(super) fn drop_unwritten(&mut self, offset: u64) {
        self.pages.retain(|&index, page| page.is_some() || index < offset / PAGE);
    }

    fn is_data(&self, at: u64) -> bool {
        matches!(self.pages.get(&(at / PAGE)), Some(Some(_)))
    }

    pub(super) fn seek_data(&self, offset: u64) -> Result<u64, Errno> {
        let later = self.pages.range(offset / PAGE..).find(|(_, page)| page.is_some());
        let found = later.map(|(&index, _)| offset.max(index * PAGE));
        found.filter(|&at| at < self.size && offset < self.size).ok_or(Errno::ENXIO)
    }

    pub(super) fn seek_hole(&self, offset: u64) -> Result<u64, Errno> {
        let mut at = offset;
        while at < self.size && self.is_data(at) {
            at = (at / PAGE + 1) * PAGE;
        }
        if offset < self.size { Ok(at.min(self.size)) } else { Err(Errno::ENXIO) }
    }

    pub(super) fn copy_range(
        &mut self,
        free: u64,
        other: Option<&Model>,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<u64, Errno> {
        if to >= MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let bytes = other.unwrap_or(self).read(from, len.min(MAX_FILE_SIZE - to) as usize);
        if other.is_none() && from.abs_diff(to) < bytes.len() as u64 {
            return Err(Errno::EINVAL);
        }
        self.write(free, to, &bytes).map(|n| n as u64)
    }

    pub(super) fn clone_range(
        &mut self,
        free: u64,
        other: Option<&Model>,
        from: u64,
        to: u64,
        len: u64,
    ) -> Result<(), Errno> {
        let origin = other.unwrap_or(self).clone();
        let left = origin.size.checked_sub(from).ok_or(Errno::EINVAL)?;
        if len == 0 && left == 0 {
            return Ok(());
        }
        let len = if len == 0 { left } else { len };
        let end = to + len;
        if end > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let tail = !(len.is_multiple_of(PAGE) || len == left && end >= self.size);
        let same = other.is_none() && from.abs_diff(to) < len;
        if len > left || !from.is_multiple_of(PAGE) || !to.is_multiple_of(PAGE) || tail || same {
            return Err(Errno::EINVAL);
        }
        let mut new = self.clone();
        new.pages.retain(|&index, _| index < to / PAGE || index >= end.div_ceil(PAGE));
        for (&index, page) in origin.pages.range(from / PAGE..(from + len).div_ceil(PAGE)) {
            if page.is_some() {
                new.pages.insert(index - from / PAGE + to / PAGE, page.clone());
            }
        }
        if new.used() > self.used() + free {
            return Err(Errno::ENOSPC);
        }
        self.pages = new.pages;
        self.size = self.size.max(end);
        Ok(())
    }
}
