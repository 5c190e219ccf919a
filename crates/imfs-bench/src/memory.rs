//! Memory an inode, all included: a million empty files and a million files of one byte.

use std::collections::BTreeMap;

use imfs::abi::OFlags;

use crate::calls::{Calls, InProcess, Kernel};
use crate::report::Row;

const FILES: usize = 1_000_000;
/// A directory of that many files each.
const PER_DIRECTORY: usize = 1000;

/// Adds the rows `mem_empty` and `mem_1byte`, in bytes a file.
pub(crate) fn measure(rows: &mut BTreeMap<&str, Row>) {
    for (name, bytes) in [("mem_empty", 0), ("mem_1byte", 1)] {
        let row = rows.entry(name).or_default();
        row.imfs.push(in_child(|| {
            let imfs = InProcess::new();
            let before = resident();
            fill(&imfs, bytes);
            (resident() - before) / FILES as f64
        }));
        let before = kernel_memory();
        fill(&Kernel, bytes);
        row.tmpfs.push((kernel_memory() - before) / FILES as f64);
        crate::mounts::clear_current_directory();
    }
}

/// Measures in a process of its own, whose heap has nothing free from what was measured before.
fn in_child(measure: impl FnOnce() -> f64) -> f64 {
    let mut ends = [0; 2];
    let mut bytes = [0_u8; 8];
    // SAFETY: this process has one thread here, so the child may do what it likes; all pointers are of live arrays.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0, "a pipe");
        let child = libc::fork();
        assert!(child >= 0, "a child");
        if child == 0 {
            let figure = measure().to_ne_bytes();
            libc::write(ends[1], figure.as_ptr().cast(), figure.len());
            libc::_exit(0);
        }
        libc::close(ends[1]);
        let read = libc::read(ends[0], bytes.as_mut_ptr().cast(), bytes.len());
        libc::close(ends[0]);
        libc::waitpid(child, std::ptr::null_mut(), 0);
        assert_eq!(read, 8, "the child ended without a figure");
    }
    f64::from_ne_bytes(bytes)
}

fn fill(fs: &dyn Calls, bytes: usize) {
    for dir in 0..FILES / PER_DIRECTORY {
        fs.mkdir(&std::ffi::CString::new(format!("/d{dir}")).expect("no NUL"));
        for file in 0..PER_DIRECTORY {
            let path = std::ffi::CString::new(format!("/d{dir}/file{file}")).expect("no NUL");
            let fd = fs.open(&path, OFlags::CREAT | OFlags::WRONLY);
            if bytes > 0 {
                fs.write(fd, b"x");
            }
            fs.close(fd);
        }
    }
}

/// The bytes of memory that this process has.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

/// The bytes that the kernel has for files and its own objects.
fn kernel_memory() -> f64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
    };
    field("Slab:") + field("Shmem:")
}
