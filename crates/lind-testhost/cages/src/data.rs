//! Calls that move bytes.

use crate::basic::*;
use crate::shim::{at, sys};

#[repr(C)]
struct Piece {
    base: u64,
    len: u32,
    padding: u32,
}

fn piece(bytes: &mut [u8]) -> Piece {
    // The padding is nobody's.
    Piece { base: at(bytes.as_mut_ptr()), len: bytes.len() as u32, padding: 0xffff_ffff }
}

pub fn run() {
    let fd = create(b"/tmp/data\0");
    let (mut one, mut two) = (*b"first ", *b"second");
    let list = [piece(&mut one), piece(&mut two)];
    gives!(sys(20, &[fd, at(list.as_ptr()), 2]), 12);
    gives!(sys(20, &[fd, at(list.as_ptr()), 1025]), EINVAL);
    gives!(sys(20, &[fd, WILD, 2]), EFAULT);
    gives!(sys(296, &[fd, at(list.as_ptr()), 2, 12]), 12);
    gives!(sys(8, &[fd, 0, 0]), 0);
    gives!(sys(19, &[fd, at(list.as_ptr()), 2]), 12);
    holds!(one == *b"first " && two == *b"second");
    gives!(sys(295, &[fd, at(list.as_ptr()), 2, 6]), 12);
    holds!(one == *b"second" && two == *b"first ");
    gives!(sys(327, &[fd, at(list.as_ptr()), 2, 0, 0, 0]), 12);
    gives!(sys(328, &[fd, at(list.as_ptr()), 2, 0, 0, 0]), 12);
    gives!(sys(327, &[fd, at(list.as_ptr()), 2, 0, 0, 0x8000]), -95);

    let mut buf = [0xaa_u8; 64];
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 64, 20]), 4);
    // What was not read was not written.
    holds!(buf[4..] == [0xaa; 60]);
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 64, -1_i64 as u64]), EINVAL);
    gives!(sys(17, &[fd, WILD, 64, 0]), EFAULT);
    gives!(sys(17, &[fd, WILD, 64, 1000]), 0);
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), -1_i64 as u64, 0]), EINVAL);
    gives!(sys(18, &[fd, at(b"xyz"), 3, 0]), 3);
    gives!(sys(18, &[fd, WILD, 3, 0]), EFAULT);
    gives!(sys(18, &[99, at(b"xyz"), 3, 0]), EBADF);
    gives!(sys(8, &[fd, 0, 2]), 24);
    gives!(sys(8, &[fd, 0, 9]), EINVAL);
    // Never cut: a position of 4 GiB does not fit.
    gives!(sys(8, &[fd, 1 << 32, 0]), -75);
    gives!(sys(8, &[fd, 0x7fff_ffff, 0]), 0x7fff_ffff);
    gives!(sys(77, &[fd, 1 << 33]), 0);
    gives!(sys(18, &[fd, at(b"far"), 3, (1 << 33) - 3]), 3);
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 64, (1 << 33) - 3]), 3);
    holds!(buf[..3] == *b"far");
    gives!(sys(77, &[fd, 24]), 0);
    gives!(sys(285, &[fd, 0, 0, 8192]), 0);
    gives!(sys(285, &[fd, 3, 0, 4096]), 0);
    gives!(sys(285, &[fd, 0, 0, 0]), EINVAL);
    for number in [74, 75, 306] {
        gives!(sys(number, &[fd]), 0);
        gives!(sys(number, &[99]), EBADF);
    }
    gives!(sys(162, &[]), 0);
    gives!(sys(277, &[fd, 0, 10, 1]), 0);
    gives!(sys(277, &[fd, 0, 10, 64]), EINVAL);
    gives!(sys(221, &[fd, 0, 10, 1]), 0);
    gives!(sys(221, &[fd, 0, 10, 77]), EINVAL);
    gives!(sys(187, &[fd, 0, 10]), 0);
    gives!(sys(187, &[fd, 0, -1_i64 as u64]), EINVAL);
    gives!(sys(187, &[99, 0, 10]), EBADF);
    between_files(fd);
    close(fd);
    large();
    directories();
}

fn between_files(fd: u64) {
    gives!(sys(77, &[fd, 0]), 0);
    gives!(sys(18, &[fd, at(b"0123456789"), 10, 0]), 10);
    let other = create(b"/tmp/other\0");
    let (mut from, mut to) = (2_i64, 0_i64);
    gives!(sys(326, &[fd, at(&raw mut from), other, at(&raw mut to), 4, 0]), 4);
    holds!(from == 6 && to == 4);
    gives!(sys(326, &[fd, WILD, other, 0, 4, 0]), EFAULT);
    gives!(sys(8, &[other, 4, 0]), 4);
    gives!(sys(40, &[other, fd, at(&raw mut from), 100]), 4);
    let mut buf = [0_u8; 16];
    gives!(sys(17, &[other, at(buf.as_mut_ptr()), 16, 0]), 8);
    holds!(buf[..8] == *b"23456789" && from == 10);
    // To a descriptor that is the runtime's.
    from = 0;
    gives!(sys(40, &[1, fd, at(&raw mut from), 10]), 10);
    gives!(sys(1, &[1, at(b"\n"), 1]), 1);
    gives!(sys(40, &[other, 99, 0, 10]), EBADF);
    close(other);
}

/// Bytes over many pages, holes between them.
fn large() {
    const LEN: usize = 300_000;
    static mut BYTES: [u8; LEN] = [0; LEN];
    // SAFETY: one thread.
    let bytes = unsafe { &mut *(&raw mut BYTES) };
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = (index * 7 >> 3) as u8;
    }
    let fd = create(b"/tmp/large\0");
    gives!(sys(18, &[fd, at(bytes.as_ptr()), LEN as u64, 123_457]), LEN);
    bytes.fill(1);
    gives!(sys(17, &[fd, at(bytes.as_mut_ptr()), LEN as u64, 123_457]), LEN);
    holds!(bytes.iter().enumerate().all(|(index, byte)| *byte == (index * 7 >> 3) as u8));
    gives!(sys(17, &[fd, at(bytes.as_mut_ptr()), 123_457, 0]), 123_457);
    holds!(bytes[..123_457].iter().all(|byte| *byte == 0));
    close(fd);
}

fn directories() {
    gives!(sys(83, &[at(b"/tmp/dir\0"), 0o755]), 0);
    for n in 0..100 {
        let mut path = *b"/tmp/dir/entry-xx\0";
        (path[15], path[16]) = (b'a' + n / 10, b'0' + n % 10);
        let fd = create(&path);
        close(fd);
    }
    for number in [78, 217] {
        let fd = sys(2, &[at(b"/tmp/dir\0"), 0o200000, 0]) as u64;
        let (mut seen, mut records) = (0, [0_u8; 512]);
        gives!(sys(number, &[fd, WILD, 512]), EFAULT);
        gives!(sys(number, &[fd, at(records.as_mut_ptr()), 8]), EINVAL);
        loop {
            let len = sys(number, &[fd, at(records.as_mut_ptr()), 512]);
            if len <= 0 {
                gives!(len, 0);
                break;
            }
            let mut rest = &records[..len as usize];
            while !rest.is_empty() {
                seen += 1;
                let reclen = usize::from(u16::from_le_bytes([rest[16], rest[17]]));
                holds!(rest[18] == 4 || rest[18] == 8);
                rest = &rest[reclen..];
            }
        }
        // After a fault nothing is lost.
        gives!(seen, 102);
        close(fd);
    }
    gives!(sys(78, &[99, WILD, 512]), EBADF);
}
