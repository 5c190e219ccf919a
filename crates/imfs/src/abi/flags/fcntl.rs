//! The commands of fcntl(2) and the values that go with them.

/// Duplicate at or above the argument.
pub const F_DUPFD: i32 = 0;
/// Get the descriptor flags.
pub const F_GETFD: i32 = 1;
/// Set the descriptor flags.
pub const F_SETFD: i32 = 2;
/// Get the status flags.
pub const F_GETFL: i32 = 3;
/// Set the status flags.
pub const F_SETFL: i32 = 4;
/// Ask for a conflicting record lock.
pub const F_GETLK: i32 = 5;
/// Set a record lock, without waiting.
pub const F_SETLK: i32 = 6;
/// Set a record lock, waiting.
pub const F_SETLKW: i32 = 7;
/// Set who gets SIGIO.
pub const F_SETOWN: i32 = 8;
/// Get who gets SIGIO.
pub const F_GETOWN: i32 = 9;
/// Set the signal in place of SIGIO.
pub const F_SETSIG: i32 = 10;
/// Get the signal in place of SIGIO.
pub const F_GETSIG: i32 = 11;
/// As `F_SETOWN`, with a structure.
pub const F_SETOWN_EX: i32 = 15;
/// As `F_GETOWN`, with a structure.
pub const F_GETOWN_EX: i32 = 16;
/// Ask for a conflicting lock of another open file description.
pub const F_OFD_GETLK: i32 = 36;
/// Set a lock of the open file description, without waiting.
pub const F_OFD_SETLK: i32 = 37;
/// Set a lock of the open file description, waiting.
pub const F_OFD_SETLKW: i32 = 38;
/// Set a lease.
pub const F_SETLEASE: i32 = 1024;
/// Get the lease.
pub const F_GETLEASE: i32 = 1025;
/// Ask for directory notification.
pub const F_NOTIFY: i32 = 1026;
/// Whether two descriptors name one open file description.
pub const F_DUPFD_QUERY: i32 = 1027;
/// Whether this open created the file.
pub const F_CREATED_QUERY: i32 = 1028;
/// As `F_DUPFD`, with close-on-exec set.
pub const F_DUPFD_CLOEXEC: i32 = 1030;
/// Set the capacity of a pipe.
pub const F_SETPIPE_SZ: i32 = 1031;
/// Get the capacity of a pipe.
pub const F_GETPIPE_SZ: i32 = 1032;
/// Add seals.
pub const F_ADD_SEALS: i32 = 1033;
/// Get the seals.
pub const F_GET_SEALS: i32 = 1034;
/// Get the write hint of the inode.
pub const F_GET_RW_HINT: i32 = 1035;
/// Set the write hint of the inode.
pub const F_SET_RW_HINT: i32 = 1036;
/// Get the write hint of the open file description.
pub const F_GET_FILE_RW_HINT: i32 = 1037;
/// Set the write hint of the open file description.
pub const F_SET_FILE_RW_HINT: i32 = 1038;

/// A read lock (or lease).
pub const F_RDLCK: i16 = 0;
/// A write lock (or lease).
pub const F_WRLCK: i16 = 1;
/// No lock (or lease).
pub const F_UNLCK: i16 = 2;
