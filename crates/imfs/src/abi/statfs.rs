//! What statfs(2) tells.

/// `struct statfs` as plain values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statfs {
    /// The kind of file system, such as [`TMPFS_MAGIC`](super::TMPFS_MAGIC).
    pub kind: i64,
    /// The good size of a transfer.
    pub bsize: i64,
    /// Blocks in all.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// Free blocks for the unprivileged.
    pub bavail: u64,
    /// Inodes in all.
    pub files: u64,
    /// Free inodes.
    pub ffree: u64,
    /// The identity of the file system.
    pub fsid: [i32; 2],
    /// The longest name.
    pub namelen: i64,
    /// The size of a block.
    pub frsize: i64,
    /// The mount flags (`ST_*`).
    pub flags: i64,
}

impl Statfs {
    /// The size of the kernel's structure.
    pub const BYTES: usize = 120;

    /// The x86-64 `struct statfs` (`include/uapi/asm-generic/statfs.h`).
    pub fn encode(&self) -> [u8; Statfs::BYTES] {
        let fsid = u64::from(self.fsid[0] as u32) | u64::from(self.fsid[1] as u32) << 32;
        let words = [
            self.kind as u64,
            self.bsize as u64,
            self.blocks,
            self.bfree,
            self.bavail,
            self.files,
            self.ffree,
            fsid,
            self.namelen as u64,
            self.frsize as u64,
            self.flags as u64,
        ];
        let mut out = [0; Statfs::BYTES];
        for (to, word) in out.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        out
    }
}
