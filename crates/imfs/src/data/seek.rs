//! Where a file has data and where holes: `SEEK_DATA` and `SEEK_HOLE` of lseek(2).

use super::arena::Page;
use super::contents::{Body, Contents, PAGE};
use crate::abi::{Errno, Result};

impl Contents {
    /// The first offset from `offset` on that has data, in units of pages (`mapping_seek_hole_data`). Space that is
    /// allocated but was not written is no data.
    ///
    /// # Errors
    /// ENXIO: `offset` is not within the file, or only a hole follows.
    pub fn seek_data(&self, offset: u64) -> Result<u64> {
        self.seek(offset, true).filter(|&at| at < self.size).ok_or(Errno::ENXIO)
    }

    /// The first offset from `offset` on that is in a hole, or the size: behind its end each file has a hole.
    ///
    /// # Errors
    /// ENXIO: `offset` is not within the file.
    pub fn seek_hole(&self, offset: u64) -> Result<u64> {
        if offset >= self.size {
            return Err(Errno::ENXIO);
        }
        Ok(self.seek(offset, false).map_or(self.size, |at| at.min(self.size)))
    }

    fn seek(&self, offset: u64, data: bool) -> Option<u64> {
        let is_data = |slot: Option<&Page>| slot.is_some_and(|page| !page.is_unwritten());
        match &self.body {
            Body::Pages(tree) => {
                let found =
                    tree.find(offset / PAGE, self.size.div_ceil(PAGE), |slot| is_data(slot) == data)?;
                Some(offset.max(found * PAGE))
            }
            // All of it is page 0.
            Body::Inline(_) => data.then_some(offset),
            Body::Mapped(mapped) => mapped.seek(offset, data),
        }
    }
}
