//! The argument of FICLONERANGE (ioctl_ficlonerange(2)).

/// `struct file_clone_range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCloneRange {
    /// The descriptor to clone from.
    pub src_fd: i64,
    /// Where in it to start.
    pub src_offset: u64,
    /// How many bytes; 0 is up to its end.
    pub src_length: u64,
    /// Where in the other file they go.
    pub dest_offset: u64,
}

impl FileCloneRange {
    /// The structure from its bytes in memory.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let [src_fd, src_offset, src_length, dest_offset] =
            [0, 1, 2, 3].map(|at| u64::from_ne_bytes(words[at]));
        Self { src_fd: src_fd as i64, src_offset, src_length, dest_offset }
    }
}
