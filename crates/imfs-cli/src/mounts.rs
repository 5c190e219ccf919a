//! Mounts that are made apart and attached later, or never.
//!
//! `imfs run` takes everything from the host before the root directory is exchanged, and attaches it after that. So no path
//! inside, not even through a symlink that was staged, can lead to the host.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags};

/// A mount that is not attached anywhere yet; gone when dropped before it is.
pub(crate) struct Detached(OwnedFd);

impl Detached {
    /// The tree of mounts at `path`, as it is now.
    pub(crate) fn tree_at(path: &Path, writable: bool) -> io::Result<Detached> {
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let tree = rustix::mount::open_tree(CWD, path, flags)?;
        if !writable {
            make_read_only(&tree)?;
        }
        Ok(Detached(tree))
    }

    /// A new file system of this type. Its options are keys with values; a key without one is a flag.
    pub(crate) fn new(
        kind: &str,
        options: &[(&str, Option<&str>)],
        attributes: MountAttrFlags,
    ) -> io::Result<Detached> {
        let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (key, value) in options {
            match value {
                Some(value) => rustix::mount::fsconfig_set_string(&context, *key, *value)?,
                None => rustix::mount::fsconfig_set_flag(&context, *key)?,
            }
        }
        rustix::mount::fsconfig_create(&context)?;
        let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        Ok(Detached(mount))
    }

    /// Attaches it at `path`.
    pub(crate) fn attach(self, path: &Path) -> io::Result<()> {
        rustix::mount::move_mount(&self.0, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        Ok(())
    }
}

/// Makes a whole tree of mounts read-only. Only this call can: a remount would not reach mounts below.
fn make_read_only(tree: &impl AsFd) -> io::Result<()> {
    /// `struct mount_attr` of `mount_setattr(2)`.
    #[repr(C)]
    struct MountAttributes {
        set: u64,
        clear: u64,
        propagation: u64,
        userns_fd: u64,
    }
    let attributes = MountAttributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: path and attributes are valid for the call, and the size is the structure's.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl AsFd for Detached {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
