//! Staging: copying host files into an IMFS before a cage runs (preload), and results out after it (dump).
//!
//! Both directions are the same walk between two [`Side`]s: [`Transfer`] reads one and writes the other. [`Linux`] is the
//! host's side where there is a Linux below; a door without one (a Lind grate) brings its own.
//!
//! Kept are: the bytes, holes, permission bits, access and modification times, symlinks, hard links within one transfer,
//! and extended attributes of users with the ACLs. Owners are not: what is copied belongs to whom the receiving side says, and
//! then set-id bits do not go along. Special files are skipped with a warning.

mod error;
#[cfg(target_os = "linux")]
mod linux;
mod side;
mod spec;
mod transfer;

pub use error::{Action, StagingError};
#[cfg(target_os = "linux")]
pub use linux::Linux;
pub use side::{Attributes, Place, Side};
pub use spec::{Spec, dump_list, preload_list};
pub use transfer::{Observer, Silent, Transfer};
