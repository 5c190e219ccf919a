//! Memory an inode, all included: a million empty files and a million files of one byte.

use std::collections::BTreeMap;
use std::process::Command;

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
        row.imfs.push(in_child(bytes));
        let before = kernel_memory();
        fill(&Kernel, bytes);
        row.tmpfs.push((kernel_memory() - before) / FILES as f64);
        crate::mounts::clear_current_directory();
    }
}

/// Bytes a file of so many bytes, measured in a process of its own, whose heap has nothing free from what was measured
/// before.
fn in_child(bytes: usize) -> f64 {
    let program = std::env::current_exe().expect("a path to this program");
    let child = Command::new(program).args(["--memory-of", &bytes.to_string()]).output().expect("a child");
    let figure = String::from_utf8_lossy(&child.stdout);
    figure.trim().parse().expect("the child prints a figure")
}

/// What that process does.
pub(crate) fn print_figure(bytes: usize) {
    let imfs = InProcess::new();
    let before = resident();
    fill(&imfs, bytes);
    println!("{}", (resident() - before) / FILES as f64);
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
