//! Staging: copying host files into an IMFS before a cage runs (preload), and results out after it (dump).
//!
//! Both directions are the same walk between two [`Side`]s: [`Transfer`] reads one and writes the other. [`Linux`] is the
//! host's side where there is a Linux below; a door without one (a Lind grate) brings its own.
//!
//! Kept are: the bytes, holes, permission bits, access and modification times, symlinks, hard links within one transfer,
//! and extended attributes of users with the ACLs. Owners are not: what is copied belongs to whom the receiving side says, and
//! then set-id bits do not go along. Special files are skipped with a warning.

mod caged;
mod error;
#[cfg(target_os = "linux")]
mod linux;
mod side;
mod spec;
mod transfer;

pub use caged::{Caged, CagedFile};
pub use error::{Action, StagingError};
#[cfg(target_os = "linux")]
pub use linux::Linux;
pub use side::{Attributes, Place, Side, Xattr};
pub use spec::{Spec, dump_list, preload_list};
pub use transfer::{Observer, Silent, Transfer};

use imfs::Cage;

/// Copies a host file or tree into the IMFS at the same path, and makes missing parents. What is made belongs to root.
pub fn load_file(cage: &Cage, host: &impl Side, path: &[u8]) -> Result<(), StagingError> {
    Transfer::new(host, &Caged::new(cage, (0, 0)), &mut Silent).copy(path, path)
}

/// Copies a file or tree of the IMFS to `actual_path` on the host, and makes missing parents.
pub fn dump_file(cage: &Cage, host: &impl Side, path: &[u8], actual_path: &[u8]) -> Result<(), StagingError> {
    Transfer::new(&Caged::new(cage, (0, 0)), host, &mut Silent).copy(path, actual_path)
}

/// Copies the host files and trees of a list as in `PRELOADS` ([`preload_list`]) into the IMFS. It ends with the first that
/// fails.
pub fn preloads(cage: &Cage, host: &impl Side, preload_files: &[u8]) -> Result<(), StagingError> {
    let imfs = Caged::new(cage, (0, 0));
    let mut silent = Silent;
    let mut transfer = Transfer::new(host, &imfs, &mut silent);
    preload_list(preload_files).iter().try_for_each(|spec| transfer.copy(&spec.host_path, &spec.imfs_path))
}
