//! What a transfer needs of a file system, whichever it is.

use core::ops::Range;

use imfs::abi::{Errno, Mode, Stat, Timespec};

/// Attributes that are carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits; without meaning for a symlink.
    pub mode: Mode,
    /// Last access.
    pub atime: Timespec,
    /// Last change of the bytes.
    pub mtime: Timespec,
}

/// What attributes are set on.
#[derive(Debug)]
pub enum Place<'a, F> {
    /// A file that was created and is not published yet.
    File(&'a F),
    /// A directory, or a symlink that is not followed.
    Path(&'a [u8]),
}

impl<F> Clone for Place<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Place<'_, F> {}

/// An extended attribute: its name and its value.
pub type Xattr = (Vec<u8>, Vec<u8>);

/// One side of a transfer: the host, or an IMFS.
///
/// Paths are as the side's own calls take them. No call holds more of a file in memory than the buffer that it is given.
pub trait Side {
    /// How errors name the side: `on the host`, `in the IMFS`.
    const NAME: &'static str;

    /// An open file; closed when dropped. One that was created and not published is gone then.
    type File<'s>
    where
        Self: 's;

    /// stat(2), or lstat(2).
    fn look(&self, path: &[u8], follow: bool) -> Result<Stat, Errno>;

    /// The names in a directory, without `.` and `..`.
    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno>;

    /// readlink(2).
    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Errno>;

    /// Opens a regular file to read it.
    fn open(&self, path: &[u8]) -> Result<Self::File<'_>, Errno>;

    /// The next stretch that is not a hole at or after `offset`; `None` after the last.
    fn next_data(&self, file: &Self::File<'_>, offset: u64) -> Result<Option<Range<u64>>, Errno>;

    /// pread(2): how many bytes were read; 0 at the end.
    fn read_at(&self, file: &Self::File<'_>, buffer: &mut [u8], offset: u64) -> Result<usize, Errno>;

    /// The extended attributes of what `path` names, which is no symlink.
    fn xattrs(&self, path: &[u8]) -> Result<Vec<Xattr>, Errno>;

    /// Creates an empty regular file that will be `path`, and is out of sight until then if that can be had.
    fn create(&self, path: &[u8]) -> Result<Self::File<'_>, Errno>;

    /// pwrite(2), all of it.
    fn write_at(&self, file: &Self::File<'_>, bytes: &[u8], offset: u64) -> Result<(), Errno>;

    /// ftruncate(2).
    fn set_size(&self, file: &Self::File<'_>, size: u64) -> Result<(), Errno>;

    /// Sets one extended attribute.
    fn set_xattr(&self, place: Place<'_, Self::File<'_>>, name: &[u8], value: &[u8]) -> Result<(), Errno>;

    /// Sets permission bits and times, and the owner where the side has an opinion.
    fn set_attributes(&self, place: Place<'_, Self::File<'_>>, attributes: &Attributes) -> Result<(), Errno>;

    /// Makes a created file be `path`, in place of what is there and is no directory.
    fn publish(&self, file: Self::File<'_>, path: &[u8]) -> Result<(), Errno>;

    /// Makes a directory. `EEXIST` if something is there that has to stay.
    fn make_directory(&self, path: &[u8]) -> Result<(), Errno>;

    /// Makes a symlink, in place of what is there and is no directory.
    fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<(), Errno>;

    /// Makes another name of a file, in place of what is there and is no directory.
    fn make_link(&self, existing: &[u8], path: &[u8]) -> Result<(), Errno>;

    /// The user and group that things made by this side belong to.
    fn owner(&self) -> (u32, u32);
}
