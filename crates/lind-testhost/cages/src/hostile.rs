//! A cage that means harm: it gets errors, and others go on.

use crate::basic::*;
use crate::shim::{at, exit, fork, host, sys, wait};

/// Every number that a handler has, with nonsense for arguments: no answer may be anything but an error of the kernel's or
/// a success that harms nobody.
pub fn run() {
    /// Processes; mmap over everything; and what may rightly wait for ever.
    const NOT_THESE: [u32; 10] = [56, 60, 61, 231, 9, 7, 23, 270, 271, 202];
    let wild = [
        0,
        1,
        WILD,
        u64::MAX,
        u64::MAX - 4095,
        1 << 47,
        host(0) - 4096,
        host(u32::MAX),
        0x8000_0000_0000_0000,
    ];
    let child = fork();
    if child == 0 {
        for number in (0..460).filter(|number| !NOT_THESE.contains(number)) {
            for (index, value) in wild.iter().enumerate() {
                let other = wild[(index * 5 + number as usize) % wild.len()];
                let result = sys(number, &[*value, other, *value, other, *value, other]);
                holds!(result >= -255);
            }
        }
        buffers();
        lists_and_mappings();
        exit(i32::from(crate::shim::any_failed()));
    }
    gives!(wait(child), 0);
    // The file system is as it was for others.
    let fd = create(b"/tmp/unharmed\0");
    holds!(fd >= 3);
    gives!(sys(1, &[fd, at(b"fine"), 4]), 4);
    close(fd);
}

/// Addresses inside structures, which nobody checked before they are used.
fn lists_and_mappings() {
    let fd = create(b"hostile\0");
    gives!(sys(77, &[fd, 1 << 20]), 0);
    let mut page = [0_u8; 64];
    // Address, then length of 32 bits.
    let good = [at(page.as_mut_ptr()), 64];
    let mut list = [[WILD, 64]; 1024];
    let lists = at(list.as_ptr());
    for number in [19, 20] {
        gives!(sys(number, &[fd, lists, 1024]), EFAULT);
    }
    list[0] = good;
    for number in [295, 296] {
        gives!(sys(number, &[fd, lists, 1024, 0]), 64);
    }
    list = [[u64::MAX - 8, 0xffff_ffff]; 1024];
    gives!(sys(20, &[fd, lists, 1024]), EFAULT);
    gives!(sys(20, &[fd, lists, u64::MAX]), EINVAL);
    for (len, offset) in [(1 << 40, 0), (u64::MAX, 0), (4096, u64::MAX - 4095), (1 << 32, 1 << 62)] {
        holds!(sys(9, &[0, len, 3, 1, fd, offset]) as u32 > 0xffff_f000);
    }
    // Kinds and protections that there are none of.
    gives!(sys(9, &[0, 4096, 3, 0, fd, 0]), EINVAL);
    gives!(sys(9, &[0, 4096, 3, 1, 1000, 0]), EBADF);
    gives!(sys(26, &[WILD, 4096, 4]), EINVAL);
    holds!(sys(26, &[0, u64::MAX, 4]) <= 0);
    gives!(sys(59, &[at(b"/cages.wasm\0"), WILD, WILD]), EFAULT);
    gives!(sys(23, &[1024, WILD, WILD, WILD, 0]), EFAULT);
    gives!(sys(7, &[WILD, 1 << 20, 0]), EFAULT);
    close(fd);
}

/// Buffers that end where memory does.
fn buffers() {
    sys(83, &[at(b"/tmp\0"), 0o777]);
    sys(80, &[at(b"/tmp\0")]);
    let fd = create(b"hostile\0");
    gives!(sys(77, &[fd, 1 << 20]), 0);
    // Two pages of which the second cannot be touched.
    let area = sys(9, &[0, 8192, 3, 0x22, u64::MAX, 0]) as u32;
    gives!(sys(10, &[host(area + 4096), 4096, 0]), 0);
    gives!(sys(17, &[fd, host(area), 8192, 0]), 4096);
    gives!(sys(17, &[fd, host(area + 4095), 8192, 0]), 1);
    gives!(sys(17, &[fd, host(area + 4096), 8192, 0]), EFAULT);
    gives!(sys(18, &[fd, host(area), 8192, 0]), 4096);
    gives!(sys(18, &[fd, host(area + 4096), 8192, 0]), EFAULT);
    gives!(sys(0, &[fd, host(area), 0x7fff_ffff]), 4096);
    // A path that runs to the end of memory without a NUL, and one that just does not.
    // SAFETY: the first page is ours.
    let page = unsafe { core::slice::from_raw_parts_mut(area as *mut u8, 4096) };
    page.fill(b'/');
    gives!(sys(21, &[host(area + 4000), 0]), EFAULT);
    page[4095] = 0;
    gives!(sys(21, &[host(area + 4000), 0]), 0);
    gives!(sys(21, &[host(area + 4095), 0]), ENOENT);
    // The same beside a page that was unmapped, where a copy too far would be the end of Lind.
    let area = sys(9, &[0, 8192, 3, 0x22, u64::MAX, 0]) as u32;
    gives!(sys(11, &[host(area + 4096), 4096]), 0);
    // SAFETY: as above.
    let page = unsafe { core::slice::from_raw_parts_mut(area as *mut u8, 4096) };
    page.fill(b'/');
    page[4095] = 0;
    gives!(sys(21, &[host(area + 4000), 0]), 0);
    gives!(sys(21, &[host(area), 0]), 0);
    // Descriptors of others, and numbers beyond all.
    for number in [100, 1000, i32::MAX as u64, u64::from(u32::MAX), u64::MAX] {
        gives!(sys(3, &[number]), EBADF);
        gives!(sys(17, &[number, host(area), 1, 0]), EBADF);
    }
    gives!(sys(33, &[fd, 1 << 30]), EBADF);
    close(fd);
}
