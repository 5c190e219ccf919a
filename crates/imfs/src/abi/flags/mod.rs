//! The flag words of the system calls, a type each, and the command numbers of fcntl(2) and ioctl(2).

pub mod fcntl;
pub mod ioctl;
mod lock;
mod memory;
mod open;
mod path;
mod rw;

pub use lock::FlockOp;
pub use memory::{MapFlags, MsyncFlags, ProtFlags};
pub use open::{FdFlags, OFlags, ResolveFlags};
pub use path::{AT_FDCWD, Access, AtFlags, RenameFlags, XattrFlags};
pub use rw::{CloseRangeFlags, Fadvise, FallocFlags, PollFlags, RwFlags, SyncRangeFlags, Whence};
