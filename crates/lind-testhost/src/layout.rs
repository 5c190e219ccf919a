//! Structures as Lind's libc lays them out.

/// `struct stat` of a cage, of the host's.
pub(crate) fn stat(from: &libc::stat) -> [u8; 104] {
    let mut out = [0; 104];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &from.st_dev.to_le_bytes());
    put(8, &from.st_ino.to_le_bytes());
    put(16, &from.st_mode.to_le_bytes());
    put(20, &(from.st_nlink as u32).to_le_bytes());
    put(24, &from.st_uid.to_le_bytes());
    put(28, &from.st_gid.to_le_bytes());
    put(32, &from.st_rdev.to_le_bytes());
    put(40, &from.st_size.to_le_bytes());
    put(48, &(from.st_blksize as i32).to_le_bytes());
    put(52, &(from.st_blocks as u32).to_le_bytes());
    let times = [
        (from.st_atime, from.st_atime_nsec),
        (from.st_mtime, from.st_mtime_nsec),
        (from.st_ctime, from.st_ctime_nsec),
    ];
    for (n, (sec, nsec)) in times.into_iter().enumerate() {
        put(56 + n * 16, &sec.to_le_bytes());
        put(64 + n * 16, &nsec.to_le_bytes());
    }
    out
}
