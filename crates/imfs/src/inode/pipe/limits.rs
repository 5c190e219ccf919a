//! How much all pipes of one file system may hold: `/proc/sys/fs/pipe-*` of proc(5).

use crate::sync::primitives::atomic::{AtomicUsize, Ordering};

use crate::abi::{Errno, PAGE_SIZE, Result};

/// The limits, and what is in use. The kernel counts for each user, this for each file system, since cages are told
/// apart by other means than their user; 0 stands for no limit.
#[derive(Debug)]
pub struct PipeLimits {
    /// The largest size that an unprivileged caller can give a pipe, in bytes (`pipe-max-size`).
    pub max_size: usize,
    /// Pages above which the pipes of unprivileged callers get no more than two (`pipe-user-pages-soft`).
    pub soft_pages: usize,
    /// Pages above which unprivileged callers get no pipe (`pipe-user-pages-hard`).
    pub hard_pages: usize,
    /// The slots of all pipes.
    used: AtomicUsize,
}

impl Default for PipeLimits {
    /// As the kernel starts.
    fn default() -> Self {
        Self::new(1 << 20, 16384, 0)
    }
}

impl PipeLimits {
    /// Limits that nothing is counted to yet.
    pub const fn new(max_size: usize, soft_pages: usize, hard_pages: usize) -> Self {
        Self { max_size, soft_pages, hard_pages, used: AtomicUsize::new(0) }
    }

    /// How many pages all pipes can hold now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// `account_pipe_buffers`.
    pub(super) fn change(&self, old: usize, new: usize) -> usize {
        self.used.fetch_add(new.wrapping_sub(old), Ordering::Relaxed).wrapping_add(new).wrapping_sub(old)
    }

    fn above(limit: usize, used: usize) -> bool {
        limit != 0 && used > limit
    }

    /// Counts the slots of a new pipe and gives their number (`alloc_pipe_info`).
    ///
    /// # Errors
    /// `ENOMEM`: above the hard limit.
    pub(super) fn start(&self, privileged: bool) -> Result<usize> {
        let mut slots = super::DEFAULT_SLOTS;
        if slots * PAGE_SIZE > self.max_size && !privileged {
            slots = self.max_size / PAGE_SIZE;
        }
        let mut used = self.change(0, slots);
        if Self::above(self.soft_pages, used) && !privileged {
            used = self.change(slots, super::MIN_SLOTS);
            slots = super::MIN_SLOTS;
        }
        if Self::above(self.hard_pages, used) && !privileged {
            self.change(slots, 0);
            return Err(Errno::ENOMEM);
        }
        Ok(slots)
    }

    /// Counts a change of size (`pipe_set_size`). The caller takes it back if the change fails.
    ///
    /// # Errors
    /// `EPERM`: the pipe grows beyond what an unprivileged caller may have.
    pub(super) fn resize(&self, old: usize, new: usize, any_size: bool, privileged: bool) -> Result<()> {
        if new > old && !any_size && new * PAGE_SIZE > self.max_size {
            return Err(Errno::EPERM);
        }
        let used = self.change(old, new);
        let grows = new > old && !privileged;
        if grows && (Self::above(self.hard_pages, used) || Self::above(self.soft_pages, used)) {
            self.change(new, old);
            return Err(Errno::EPERM);
        }
        Ok(())
    }
}
