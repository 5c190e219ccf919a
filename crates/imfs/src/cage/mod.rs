//! Cages: descriptor tables, open file descriptions, working and root directories, umask and credentials, and one
//! method for each system call, named as in its man page. One file a family of calls.
//!
//! A call resolves paths through `walk` and acts through `inode`; what is left here is what belongs to a process:
//! numbers, flags, offsets. Doors call these methods and translate. No method panics on any argument.

mod access;
mod chdir;
mod chmod;
mod close;
mod copy_file_range;
mod credentials;
mod description;
mod dup;
mod fallocate;
mod fcntl;
mod flock;
mod getdents;
mod ioctl;
mod link;
mod lseek;
mod mappings;
mod mkdir;
mod mmap;
mod numbers;
mod open;
mod pathconf;
mod pipe;
mod poll;
mod posix_fadvise;
mod process;
mod read;
mod readlink;
mod rename;
mod sendfile;
mod special;
mod stat;
mod statfs;
mod table;
mod truncate;
mod unlink;
mod utimensat;
mod write;
mod xattr;

use crate::sync::primitives::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::fmt;
use std::sync::Arc;

pub use self::description::Foreign;
pub use self::fcntl::FcntlArg;
pub use self::getdents::Dir;
pub use self::ioctl::{IoctlArg, IoctlResult};
pub use self::poll::AskForeign;

use self::mappings::Mappings;
use self::table::Table;
use crate::abi::{AT_FDCWD, Errno, Mode, ResolveFlags, Result};
use crate::inode::{Credentials, Inode};
use crate::instance::Tree;
use crate::sync::epoch::{Guard, RcuBox};
use crate::sync::lock::{Mutex, rank};
use crate::sync::refcount::{Ref, Shared, Slot};
use crate::sync::wait::Interrupts;
use crate::walk::{Prefixes, Walk};

/// One sandboxed process, as the file system sees it.
///
/// All methods take `&self` and may be called from several threads at once, as the threads of a process do.
pub struct Cage {
    id: u64,
    /// Keeps the tree alive. Dropped last.
    tree: Arc<Tree>,
    table: Table,
    /// What it has mapped.
    mappings: Mutex<Mappings, { rank::MAPPINGS }>,
    /// Where absolute paths start, and where the others do; empty once the cage has exited. Replaced under `change`.
    root: Slot<Inode>,
    cwd: Slot<Inode>,
    /// Who the cage is. Replaced under `change`.
    credentials: RcuBox<Credentials>,
    change: Mutex<(), { rank::DESCRIPTORS }>,
    /// Tells these credentials from all others of the instance. Changes with them.
    identity: AtomicU64,
    /// Where paths led.
    prefixes: Prefixes,
    umask: AtomicU32,
    /// The lowest descriptor number that is too high (RLIMIT_NOFILE).
    nofile: AtomicUsize,
    /// Its blocked calls.
    interrupts: Interrupts,
    exited: AtomicBool,
}

impl fmt::Debug for Cage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cage").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Cage {
    /// The id that names the cage.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its blocked calls: to count them, and to bound how long they may block.
    pub fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// The file-mode creation mask.
    #[inline]
    pub(crate) fn mask(&self) -> Mode {
        Mode::from_bits_retain(self.umask.load(Ordering::Relaxed))
    }

    /// The lowest descriptor number that is too high.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.nofile.load(Ordering::Relaxed)
    }

    /// Who the cage is now.
    ///
    /// # Errors
    /// ESRCH: the cage has exited.
    #[inline]
    pub(crate) fn cred<'g>(&self, guard: &'g Guard) -> Result<&'g Credentials> {
        self.credentials.load(guard).ok_or(Errno::ESRCH)
    }

    /// A walk from the working directory.
    ///
    /// # Errors
    /// ESRCH: the cage has exited.
    // Inlined by force, as `walk_at`: a walk that is returned in memory is read again before its parts are stored.
    #[inline(always)]
    fn walk<'g>(&'g self, guard: &'g Guard) -> Result<Walk<'g>> {
        let root = self.root.load(guard).ok_or(Errno::ESRCH)?;
        let start = self.cwd.load(guard).ok_or(Errno::ESRCH)?;
        // First the identity: if the credentials change just now, what is found with the new ones is noted under the old
        // identity, which nobody has again.
        let who = self.identity.load(Ordering::Acquire);
        let memory = Some((&self.prefixes, who));
        Ok(Walk { root, start, cred: self.cred(guard)?, memory, resolve: ResolveFlags::empty(), guard })
    }

    /// A reference to one of the cage's places, whatever becomes of that.
    ///
    /// # Errors
    /// ESRCH: the cage has exited.
    fn held_place(&self, place: &Slot<Inode>, guard: &Guard) -> Result<Ref<Inode>> {
        loop {
            // If it was evicted another is there now.
            if let Some(held) = place.load(guard).ok_or(Errno::ESRCH)?.upgrade() {
                return Ok(held);
            }
        }
    }

    /// A walk for `path` from the directory `dirfd`, or from the working directory for `AT_FDCWD`.
    ///
    /// # Errors
    /// EBADF, ENOTDIR: of `dirfd`, which does not matter if the path is absolute. ESRCH
    #[inline(always)]
    fn walk_at<'g>(&'g self, dirfd: i32, path: &[u8], guard: &'g Guard) -> Result<Walk<'g>> {
        let mut walk = self.walk(guard)?;
        if dirfd != AT_FDCWD && path.first() != Some(&b'/') {
            crate::walk::check_path(path)?;
            if path.is_empty() {
                return Err(Errno::ENOENT);
            }
            walk.start = self.table.get(dirfd, guard)?.get().inode(guard)?;
            walk.start.get().directory()?;
        }
        Ok(walk)
    }

    /// What `dirfd` and `path` name together, for the calls that take `AT_EMPTY_PATH`: with it and an empty path the
    /// descriptor itself.
    #[inline]
    fn find_at<'g>(
        &'g self,
        dirfd: i32,
        path: &'g [u8],
        follow: bool,
        empty: bool,
        guard: &'g Guard,
    ) -> Result<Shared<'g, Inode>> {
        if path.is_empty() && empty {
            return match dirfd {
                AT_FDCWD => Ok(self.walk(guard)?.start),
                fd => self.table.get(fd, guard)?.get().inode(guard),
            };
        }
        self.walk_at(dirfd, path, guard)?.find(path, follow)
    }

    /// Ends the blocked calls of this cage with EINTR, as a signal does.
    pub fn interrupt(&self) {
        self.interrupts.interrupt();
    }
}
