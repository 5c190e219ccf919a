//! What happens to a cage as a process: fork(2), execve(2), _exit(2), and its limits.

use crate::sync::primitives::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::Arc;

use super::Cage;
use super::credentials::Changed;
use super::table::Table;
use crate::abi::{Errno, Result};
use crate::inode::{Capabilities, Credentials, Inode};
use crate::instance::Tree;
use crate::sync::alloc::try_box;
use crate::sync::epoch::{self, RcuBox};
use crate::sync::lock::Mutex;
use crate::sync::refcount::{Ref, Shared, Slot};
use crate::sync::wait::Interrupts;

/// The umask of a new cage.
const UMASK: u32 = 0o022;

impl Cage {
    /// A cage without descriptors, at the root.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn new(id: u64, tree: Arc<Tree>, credentials: Credentials, nofile: usize) -> Result<Self> {
        let root = tree.root().clone();
        Self::at(id, tree, [root.clone(), root], credentials, nofile)
    }

    /// A cage with this root and this working directory.
    fn at(
        id: u64,
        tree: Arc<Tree>,
        [root, cwd]: [Ref<Inode>; 2],
        credentials: Credentials,
        nofile: usize,
    ) -> Result<Self> {
        let identity = tree.sb.new_identity().into();
        let credentials = try_box(credentials).ok_or(Errno::ENOMEM)?;
        Ok(Self {
            id,
            tree,
            table: Table::default(),
            mappings: Mutex::default(),
            root: Slot::new(root),
            cwd: Slot::new(cwd),
            credentials: RcuBox::new(credentials),
            change: Mutex::new(()),
            identity,
            prefixes: Default::default(),
            umask: AtomicU32::new(UMASK),
            nofile: AtomicUsize::new(nofile),
            interrupts: Interrupts::default(),
            exited: AtomicBool::new(false),
        })
    }

    /// The child of fork(2): the same descriptors, for the same descriptions, and the same places, umask and
    /// credentials; no record locks, and no mappings, as its memory is the door's to make.
    ///
    /// # Errors
    /// ENOMEM, ESRCH (the cage has exited)
    pub(crate) fn forked(&self, id: u64) -> Result<Self> {
        let guard = epoch::pin();
        let places = [self.held_place(&self.root, &guard)?, self.held_place(&self.cwd, &guard)?];
        let child =
            Self::at(id, Arc::clone(&self.tree), places, self.cred(&guard)?.try_clone()?, self.limit())?;
        child.umask.store(self.mask().bits(), Ordering::Relaxed);
        self.table.lock().copy_to(&child.table)?;
        Ok(child)
    }

    /// Closes all descriptors, and takes copies of those that another cage of the instance has, for the same
    /// descriptions.
    ///
    /// # Errors
    /// ENOMEM; then some are missing.
    pub fn copy_descriptors(&self, from: &Cage) -> Result<()> {
        if std::ptr::eq(self, from) {
            return Ok(());
        }
        // By way of a table of nobody's, so that the locks of two cages are never held at once.
        let copy = Table::default();
        from.table.lock().copy_to(&copy)?;
        self.close_all();
        let (mut next, guard) = (0, epoch::pin());
        loop {
            let Some((fd, cloexec)) = copy.lock().next(next) else { return Ok(()) };
            next = fd as usize + 1;
            if let Some(description) = copy.get(fd, &guard).ok().and_then(Shared::upgrade) {
                let replaced = self.table.lock().put(fd as usize, description, cloexec)?;
                if let Some(replaced) = replaced {
                    self.closed(replaced);
                }
            }
        }
    }

    /// What execve(2) does: all is unmapped, and descriptors with FD_CLOEXEC are closed. Also, the saved and file-system ids become
    /// the effective ones.
    ///
    /// # Errors
    /// ENOMEM; ESRCH: the cage has exited. Nothing was changed.
    pub fn exec(&self) -> Result<()> {
        self.change_credentials(|cred| {
            (cred.suid, cred.fsuid) = (cred.euid, cred.euid);
            (cred.sgid, cred.fsgid) = (cred.egid, cred.egid);
            // Of one who is root by the real id alone they are permitted, but not in force (`handle_privileged_root`).
            let if_root = |root| if root { cred.bounding } else { Capabilities::empty() };
            let (permitted, effective) = (if_root(cred.uid == 0 || cred.euid == 0), if_root(cred.euid == 0));
            (cred.permitted, cred.effective) = (permitted, effective);
            Ok(Changed::Identity)
        })?;
        self.unmap_all(false);
        let mut from = 0;
        loop {
            let mut table = self.table.lock();
            let Some((fd, cloexec)) = table.next(from) else { break };
            from = fd as usize + 1;
            if cloexec && let Ok(taken) = table.take(fd) {
                drop(table);
                self.closed(taken);
            }
        }
        Ok(())
    }

    /// The end of the cage: its blocked calls end, its mappings are unmapped, its descriptors are closed, its locks
    /// are dropped. Calls on it give ESRCH or EBADF from now on.
    pub(crate) fn exit(&self) {
        if self.exited.swap(true, Ordering::AcqRel) {
            return;
        }
        self.interrupts.exit();
        let guard = epoch::pin();
        let lock = self.change.lock();
        let places = [self.root.swap(None), self.cwd.swap(None)];
        let replaced = self.credentials.replace(None, 0, &guard);
        drop(lock);
        drop(places);
        drop(replaced);
        drop(guard);
        self.nofile.store(0, Ordering::Relaxed);
        self.table.close();
        self.unmap_all(true);
        self.close_all();
    }

    fn close_all(&self) {
        let mut from = 0;
        loop {
            let mut table = self.table.lock();
            let Some((fd, _)) = table.next(from) else { break };
            from = fd as usize + 1;
            if let Ok(taken) = table.take(fd) {
                drop(table);
                self.closed(taken);
            }
        }
    }

    /// The lowest descriptor number that is too high (RLIMIT_NOFILE).
    pub fn nofile(&self) -> usize {
        self.limit()
    }

    /// Sets the lowest descriptor number that is too high (RLIMIT_NOFILE); descriptors above it stay open.
    pub fn set_nofile(&self, limit: usize) {
        self.nofile.store(limit.min(i32::MAX as usize), Ordering::Relaxed);
    }

    /// Sets the size up to which the cage may make files grow (RLIMIT_FSIZE); `u64::MAX` is no limit. Beyond it calls
    /// give EFBIG, and the door raises SIGXFSZ.
    ///
    /// # Errors
    /// ESRCH, ENOMEM
    pub fn set_fsize(&self, limit: u64) -> Result<()> {
        self.change_credentials(|cred| {
            cred.fsize = limit;
            Ok(Changed::Limit)
        })
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        self.exit();
    }
}
