//! The argument of FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR (ioctl_xfs_fsgetxattr(2)), and how its flags go with those of
//! ioctl_iflags(2).

use super::ioctl::*;
use super::{Errno, FileType, Result};

/// `struct fsxattr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsXattr {
    /// The flags (`FS_XFLAG_IMMUTABLE` and its kin).
    pub xflags: u32,
    /// The wanted size of extents.
    pub extsize: u32,
    /// How many extents there are; only read.
    pub nextents: u32,
    /// The project.
    pub projid: u32,
    /// The wanted size of extents that are copied on write.
    pub cowextsize: u32,
}

/// The flags that have both forms, `FS_XFLAG_*` and `FS_*_FL` (`FS_XFLAG_COMMON`).
const FORMS: [(u32, u32); 7] = [
    (0x08, FS_IMMUTABLE_FL),
    (0x10, FS_APPEND_FL),
    (0x20, FS_SYNC_FL),
    (0x40, FS_NOATIME_FL),
    (0x80, FS_NODUMP_FL),
    (0x200, FS_PROJINHERIT_FL),
    (0x8000, FS_DAX_FL),
];
/// `FS_XFLAG_PREALLOC` and `FS_XFLAG_HASATTR`, which are only shown: to set them is nothing.
const SHOWN: u32 = 0x8000_0002;
/// The hint of the size of extents is that of a file.
const EXTSIZE: u32 = 0x800;
/// The hint of the size of extents is for what is made in a directory.
const EXTSZINHERIT: u32 = 0x1000;
/// There is a hint of the size of copied extents.
const COWEXTSIZE: u32 = 0x1_0000;

impl FsXattr {
    /// What a file with these flags shows (`fileattr_fill_flags`).
    pub fn from_flags(flags: u32) -> Self {
        let xflags = FORMS.iter().filter(|(_, flag)| flags & flag != 0).map(|(xflag, _)| xflag).sum();
        Self { xflags, ..Self::default() }
    }

    /// The flags (`fileattr_fill_xflags`).
    pub fn flags(&self) -> u32 {
        FORMS.iter().filter(|(xflag, _)| self.xflags & xflag != 0).map(|(_, flag)| flag).sum()
    }

    /// Looks at what is asked besides the [flags](Self::flags), which a tmpfs does not have (`fileattr_set_prepare`,
    /// `fileattr_has_fsx`).
    ///
    /// # Errors
    /// EINVAL: a hint that is not for a file of this type, or no project id. EOPNOTSUPP: a hint, a project, or other
    /// flags.
    pub fn check_others(&self, file_type: FileType) -> Result<()> {
        let has = |xflag| self.xflags & xflag != 0;
        let (file, directory) = (file_type == FileType::Regular, file_type == FileType::Directory);
        let misplaced = (has(EXTSIZE) && !file) || (has(EXTSZINHERIT) && !directory);
        if misplaced || self.projid == u32::MAX {
            return Err(Errno::EINVAL);
        }
        // A hint of no size is none.
        let mut known = SHOWN | FORMS.iter().map(|(xflag, _)| xflag).sum::<u32>();
        known |= if self.extsize == 0 { EXTSIZE | EXTSZINHERIT } else { 0 };
        known |= if self.cowextsize == 0 { COWEXTSIZE } else { 0 };
        if self.xflags & !known != 0 || (self.extsize, self.projid, self.cowextsize) != (0, 0, 0) {
            return Err(Errno::EOPNOTSUPP);
        }
        Ok(())
    }

    /// The structure from its bytes in memory.
    pub fn from_bytes(bytes: &[u8; 28]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let [xflags, extsize, nextents, projid, cowextsize] =
            [0, 1, 2, 3, 4].map(|at| u32::from_ne_bytes(words[at]));
        Self { xflags, extsize, nextents, projid, cowextsize }
    }

    /// Its bytes in memory.
    pub fn to_bytes(self) -> [u8; 28] {
        let mut bytes = [0; 28];
        let words = [self.xflags, self.extsize, self.nextents, self.projid, self.cowextsize];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        bytes
    }
}
