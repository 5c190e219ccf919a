//! When reading moves the access time (`touch_atime`, `relatime_need_update`).

use super::attributes::{NOATIME, Stamp};
use super::{Atime, Inode};
use crate::abi::Timespec;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

impl Inode {
    /// Notes that the contents were read, which readers of bytes and links here do, and readers of directories have to.
    #[inline]
    pub fn touch_atime(&self) {
        if let Some(now) = self.due_atime() {
            self.set_atime(now);
        }
    }

    /// The time that the access time is to become if the contents are read now.
    #[inline]
    pub(super) fn due_atime(&self) -> Option<Timespec> {
        if self.sb.atime == Atime::Never || self.attributes.has(NOATIME) {
            return None;
        }
        Some(self.sb.now()).filter(|now| self.atime_is_due(*now))
    }

    /// Sets the access time.
    #[cold]
    pub(super) fn set_atime(&self, now: Timespec) {
        self.attributes.change(|a| a.set(Stamp::Access, now));
    }

    /// Notes that the contents were changed where nothing else of the inode did: a pipe was written to
    /// (`file_update_time`).
    pub(crate) fn touch_mtime(&self) {
        let now = self.sb.now();
        let (_, mtime, ctime) = self.attributes.stamps();
        if (mtime, ctime) != (now, now) {
            self.attributes.change(|a| a.modified(now));
        }
    }

    fn atime_is_due(&self, now: Timespec) -> bool {
        let (atime, mtime, ctime) = self.attributes.stamps();
        if self.sb.atime == Atime::Strict {
            return atime != now;
        }
        (mtime >= atime || ctime >= atime || now.sec - atime.sec >= DAY) && atime != now
    }
}
