//! Attaching a FUSE file system to a directory and detaching it: mount(2) and umount(2).
//!
//! Knows paths and the kernel's mount interface, nothing of requests. Used by `session`.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::{Error, Options};

/// The type that `/proc/mounts` shows.
const FILE_SYSTEM_TYPE: &str = "fuse.imfs";

/// How a mount was made, which says how to end it.
#[derive(Debug)]
pub(crate) enum Mounted {
    /// By mount(2); the requests come through the descriptor.
    Directly(OwnedFd),
    /// This user may not: `fusermount3` has to.
    NeedsHelper,
}

/// What a mount point's name leads to, without symlinks: the mount is found again although somebody changes those.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let fail = |cause| Error::MountPoint(path.to_owned(), cause);
    let path = path.canonicalize().map_err(fail)?;
    let is_directory = path.metadata().map_err(fail)?.is_dir();
    if is_directory { Ok(path) } else { Err(fail(Errno::NOTDIR.into())) }
}

/// Mounts on a directory.
pub(crate) fn mount(path: &Path, options: &Options) -> Result<Mounted, Error> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").map_err(Error::Device)?;
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let data = options.kernel_data(device.as_raw_fd(), user, group);
    let data = CString::new(data).expect("numbers and words without NUL");
    let done = rustix::mount::mount(
        options.source.as_str(),
        path,
        FILE_SYSTEM_TYPE,
        mount_flags(options),
        data.as_c_str(),
    );
    match done {
        Ok(()) => Ok(Mounted::Directly(device.into())),
        Err(Errno::PERM) => Ok(Mounted::NeedsHelper),
        Err(cause) => Err(Error::Mount(path.to_owned(), cause.into())),
    }
}

fn mount_flags(options: &Options) -> MountFlags {
    let mut flags = MountFlags::empty();
    flags.set(MountFlags::RDONLY, options.read_only);
    flags.set(MountFlags::NOSUID, !options.suid);
    flags.set(MountFlags::NODEV, !options.dev);
    flags.set(MountFlags::NOEXEC, !options.exec);
    flags
}

/// The configuration for `fuser` to mount through `fusermount3`, which is set-user-id root and allows only what is
/// harmless.
pub(crate) fn helper_config(options: &Options) -> fuser::Config {
    use fuser::MountOption::{DefaultPermissions, FSName, NoExec, RO, Subtype};
    let mut config = fuser::Config::default();
    let words = &mut config.mount_options;
    words.extend([DefaultPermissions, FSName(options.source.clone()), Subtype("imfs".to_owned())]);
    words.extend(options.read_only.then_some(RO));
    words.extend((!options.exec).then_some(NoExec));
    if options.allow_other == Some(true) {
        config.acl = fuser::SessionACL::All;
    }
    config
}

/// How an attempt to unmount ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    /// It is gone.
    Entirely,
    /// It is gone from its directory; programs that still use it keep it until they end.
    FromSight,
}

/// Unmounts; when programs still use the mount it is taken out of sight only, once `before_detaching` is done.
pub(crate) fn unmount(path: &Path, before_detaching: impl FnOnce()) -> Result<Unmounted, Error> {
    let attempt = |flags| match rustix::mount::unmount(path, flags | UnmountFlags::NOFOLLOW) {
        // EINVAL: not a mount point, so somebody was faster. ENOENT: nor a directory.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(true),
        Err(Errno::BUSY) => Ok(false),
        Err(cause) => Err(Error::Unmount(path.to_owned(), cause.into())),
    };
    if attempt(UnmountFlags::empty())? {
        return Ok(Unmounted::Entirely);
    }
    before_detaching();
    attempt(UnmountFlags::DETACH)?;
    Ok(Unmounted::FromSight)
}

/// The root directory of a mount, as something to call syncfs(2) on.
pub(crate) fn open_root(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Which file system a directory belongs to, as major and minor number of its device. The kernel knows by itself and asks no
/// server, so this answers for a mount that has lost its server, too, and may be asked by the server itself.
pub fn device(directory: &Path) -> io::Result<(u32, u32)> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
    let stat = rustix::fs::statx(CWD, directory, flags, StatxFlags::empty())?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_those_of_stat() {
        use std::os::linux::fs::MetadataExt as _;
        for directory in ["/", "/proc"] {
            let (major, minor) = device(Path::new(directory)).unwrap();
            let number = std::fs::metadata(directory).unwrap().st_dev();
            assert_eq!(rustix::fs::makedev(major, minor), number);
        }
    }
}
