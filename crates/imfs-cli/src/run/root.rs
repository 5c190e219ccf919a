//! The mount of the file system that becomes the program's root directory.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use imfs_fuse::Options;
use rustix::mount::MountAttrFlags;

use super::Sandbox;
use super::launch::NAMESPACES_WAY_OUT;
use crate::failure::{Failure, OrFail as _};
use crate::mounts::Detached;

/// Where it is mounted until it is the root: a directory that every host has. Only init sees the mount.
pub(crate) const MOUNT_POINT: &str = "/tmp";

/// How it is mounted and answered. Whoever is inside may enter, and nobody else can.
pub(crate) fn options() -> Options {
    Options { allow_other: Some(true), suid: true, dev: true, ..Options::default() }
}

/// Mounts it; its requests come through the descriptor. To be called in init, for the kernel wants `/dev/fuse` to be opened in
/// the user namespace that mounts.
pub(crate) fn mount(sandbox: &Sandbox) -> Result<OwnedFd, Failure> {
    let requests =
        OpenOptions::new().read(true).write(true).open("/dev/fuse").map_err(|error| no_device(&error))?;
    let options = options().kernel_options(requests.as_raw_fd(), sandbox.ids.0, sandbox.ids.1);
    let mut options: Vec<_> = options.iter().map(|(key, value)| (*key, value.as_deref())).collect();
    options.extend([("source", Some("imfs")), ("subtype", Some("imfs"))]);
    Detached::new("fuse", &options, MountAttrFlags::empty())
        .and_then(|mount| mount.attach(Path::new(MOUNT_POINT)))
        .or_fail(|| "mount the file system".into())
        .map_err(|failure| failure.way_out(NAMESPACES_WAY_OUT))?;
    Ok(requests.into())
}

fn no_device(error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot open /dev/fuse: {}", crate::failure::cause(error)));
    match error.kind() {
        io::ErrorKind::PermissionDenied => failure
            .way_out("let everybody use it, as most systems do (chmod 666 /dev/fuse), or run imfs as root"),
        _ => failure
            .way_out("load the kernel's FUSE module (modprobe fuse); a container needs --device /dev/fuse"),
    }
}
