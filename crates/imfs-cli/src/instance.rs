//! The file system that the command makes, and the cage through which it stages.

use std::sync::Arc;

use imfs::abi::Mode;
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use crate::args::Limits;
use crate::failure::{Failure, OrFail as _};

/// Makes an instance; its root directory has these permission bits and this owner.
pub(crate) fn make(limits: &Limits, mode: u32, owner: (u32, u32)) -> Result<Arc<Imfs>, Failure> {
    let size = limits.size.map_or_else(half_of_memory, |size| size.0);
    let mut builder = Imfs::builder().size(size).mode(Mode::from_raw(mode)).uid(owner.0).gid(owner.1);
    if let Some(inodes) = limits.inodes {
        builder = builder.inodes(inodes);
    }
    builder.build().map_err(errno).or_fail(|| "make the file system".into())
}

/// A cage of root for staging.
pub(crate) fn staging_cage(imfs: &Imfs) -> Result<Arc<Cage>, Failure> {
    imfs.create_cage(0, Credentials::root()).map_err(errno).or_fail(|| "make a cage".into())
}

fn errno(errno: imfs::abi::Errno) -> std::io::Error {
    std::io::Error::from_raw_os_error(errno.raw())
}

/// The default of tmpfs.
fn half_of_memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram / 2 * u64::from(info.mem_unit)
}
