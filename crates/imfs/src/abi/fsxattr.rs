//! The argument of FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR (ioctl_xfs_fsgetxattr(2)), and how its flags go with those of
//! ioctl_iflags(2).

use super::ioctl::{FS_APPEND_FL, FS_IMMUTABLE_FL, FS_NOATIME_FL, FS_NODUMP_FL};

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

/// The flags in both forms: `FS_XFLAG_*`, `FS_*_FL`.
const FORMS: [(u32, u32); 4] =
    [(0x08, FS_IMMUTABLE_FL), (0x10, FS_APPEND_FL), (0x40, FS_NOATIME_FL), (0x80, FS_NODUMP_FL)];

impl FsXattr {
    /// What a file with these flags shows (`fileattr_fill_flags`).
    pub fn from_flags(flags: u32) -> Self {
        let xflags = FORMS.iter().filter(|(_, flag)| flags & flag != 0).map(|(xflag, _)| xflag).sum();
        Self { xflags, ..Self::default() }
    }

    /// The flags (`fileattr_fill_xflags`); `None` if it asks for anything else.
    pub fn flags(&self) -> Option<u32> {
        let known: u32 = FORMS.iter().map(|(xflag, _)| xflag).sum();
        if self.xflags & !known != 0 || (self.extsize, self.projid, self.cowextsize) != (0, 0, 0) {
            return None;
        }
        Some(FORMS.iter().filter(|(xflag, _)| self.xflags & xflag != 0).map(|(_, flag)| flag).sum())
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
