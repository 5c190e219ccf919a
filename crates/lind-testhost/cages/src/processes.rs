//! fork, exec, exit.

use crate::basic::*;
use crate::shim::{arg, at, exit, fork as make_child, sys, wait};

pub fn fork() {
    let fd = create(b"/tmp/shared\0");
    gives!(sys(1, &[fd, at(b"parent "), 7]), 7);
    let child = make_child();
    if child == 0 {
        // The offset is one for both; descriptors are each its own.
        sys(1, &[fd, at(b"child "), 6]);
        sys(3, &[fd]);
        sys(80, &[at(b"/tmp\0")]);
        sys(95, &[0]);
        exit(if create(b"made by the child\0") == fd { 5 } else { 1 });
    }
    holds!(child > 0);
    gives!(wait(child), 5 << 8);
    gives!(sys(1, &[fd, at(b"again"), 5]), 5);
    let mut buf = [0_u8; 32];
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 32, 0]), 18);
    holds!(buf[..18] == *b"parent child again");
    gives!(sys(95, &[0o22]), 0o22);
    gives!(sys(21, &[at(b"made by the child\0"), 0]), ENOENT);
    gives!(sys(21, &[at(b"/tmp/made by the child\0"), 0]), 0);
    gives!(sys(56, &[WILD]), EFAULT);
    close(fd);
    family();
}

/// Grandchildren, and locks that end with their holders.
fn family() {
    let fd = create(b"/tmp/family\0");
    let mut ends = [0_i32; 2];
    gives!(sys(22, &[at(ends.as_mut_ptr())]), 0);
    let child = make_child();
    if child == 0 {
        sys(3, &[ends[0] as u64]);
        let grandchild = make_child();
        if grandchild == 0 {
            sys(1, &[ends[1] as u64, at(b"deep"), 4]);
            exit(3);
        }
        exit(i32::from(wait(grandchild) != 3 << 8));
    }
    close(ends[1] as u64);
    let mut buf = [0_u8; 8];
    gives!(sys(0, &[ends[0] as u64, at(buf.as_mut_ptr()), 8]), 4);
    // All who could write have ended.
    gives!(sys(0, &[ends[0] as u64, at(buf.as_mut_ptr()), 8]), 0);
    gives!(wait(child), 0);
    close(ends[0] as u64);
    close(fd);
}

fn execute(path: &[u8], args: &[&[u8]]) -> i32 {
    let mut argv = [0_u64; 8];
    for (place, arg) in argv.iter_mut().zip(args) {
        *place = at(arg.as_ptr());
    }
    let envp = [0_u64];
    sys(59, &[at(path.as_ptr()), at(argv.as_ptr()), at(envp.as_ptr())])
}

/// exec, with descriptors that stay and one that does not.
pub fn exec_and_exit() {
    let child = make_child();
    if child == 0 {
        let stays = create(b"/tmp/stays\0");
        sys(1, &[stays, at(b"before exec\0"), 11]);
        let goes = sys(2, &[at(b"/tmp/stays\0"), 0o2000000, 0]);
        sys(80, &[at(b"/tmp\0")]);
        if stays != 3 || goes != 4 {
            exit(1);
        }
        execute(b"/absent.wasm\0", &[b"absent\0"]);
        execute(b"/cages.wasm\0", &[b"/cages.wasm\0", b"executed\0", b"3\0"]);
        exit(2);
    }
    gives!(wait(child), 0);
    // A failed exec changes nothing.
    gives!(execute(b"/absent.wasm\0", &[b"absent\0"]), ENOENT);
    gives!(execute(b"/tmp\0", &[b"absent\0"]), -13);
    gives!(sys(59, &[WILD, WILD, WILD]), EFAULT);
    // The end of a thread that is the only one is the end of the cage.
    let child = make_child();
    if child == 0 {
        sys(60, &[6]);
    }
    gives!(wait(child), 6 << 8);
}

/// What `exec_and_exit` executes.
pub fn executed() {
    holds!(arg(2) == b"3");
    let mut buf = [0_u8; 32];
    gives!(sys(17, &[3, at(buf.as_mut_ptr()), 32, 0]), 11);
    holds!(buf[..11] == *b"before exec");
    gives!(sys(17, &[4, at(buf.as_mut_ptr()), 32, 0]), EBADF);
    gives!(sys(79, &[at(buf.as_mut_ptr()), 32]), 5);
    holds!(buf[..5] == *b"/tmp\0");
}

/// A program that is only in IMFS.
pub fn exec_of_imfs() {
    let child = make_child();
    if child == 0 {
        execute(b"/only/here\0", &[b"here\0", b"status\0", b"7\0"]);
        exit(1);
    }
    gives!(wait(child), 7 << 8);
    gives!(sys(90, &[at(b"/only/here\0"), 0o644]), 0);
    gives!(execute(b"/only/here\0", &[b"here\0"]), -13);
}
