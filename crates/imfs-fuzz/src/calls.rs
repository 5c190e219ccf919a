//! Bytes as system calls of two cages on one small tree.

use std::sync::Arc;
use std::time::Duration;

use imfs::abi::{
    AT_FDCWD, AtFlags, CloseRangeFlags, Dev, Errno, FallocFlags, FileCloneRange, Mode, OFlags, RenameFlags,
    Whence, XattrFlags,
};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use crate::input::Input;
use crate::tree;

const NAMES: [&str; 14] =
    ["a", "b", "c", "/", ".", "..", "a/b", "a/c", "b/..", "a/b/c", "link", "link/a", "/a/", "c/b"];
const XATTRS: [&str; 6] =
    ["user.a", "user.bb", "trusted.c", "security.d", "system.posix_acl_access", "system.posix_acl_default"];

/// Runs the calls that the bytes say: none panics, none waits, none breaks the tree, and at the end nothing is left.
pub fn calls(data: &[u8]) {
    let fs = Imfs::builder().size(256 << 12).inodes(64).nofile(24).files(40).build().expect("instance");
    let cage = |id, credentials| {
        let cage = fs.create_cage(id, credentials).expect("cage");
        // A call that would wait fails at once.
        cage.interrupts().set_longest_wait(Some((Duration::ZERO, Errno::ERESTART)));
        cage
    };
    let cages = [cage(1, Credentials::root()), cage(2, Credentials::new(1000, 1000).with_groups(&[5]))];
    let mut input = Input(data);
    while !input.is_empty() {
        let cage = &cages[input.below(2)];
        // What the call says is the oracle's business; here it has to say something.
        let _ = call(&fs, cage, &mut input);
    }
    tree::check(&fs, true);
    for id in 1..=4 {
        let _ = fs.exit(id);
    }
    drop(cages);
    tree::check(&fs, false);
    tree::clear(&fs);
}

type Result = std::result::Result<(), Errno>;

fn mode(input: &mut Input<'_>) -> Mode {
    Mode::from_raw(u32::from(input.byte()) << 3 | 0o700)
}

fn fd(input: &mut Input<'_>) -> i32 {
    2 + input.below(24) as i32
}

fn call(fs: &Arc<Imfs>, cage: &Arc<Cage>, input: &mut Input<'_>) -> Result {
    match input.byte() % 8 {
        0 | 1 => names(cage, input),
        2 | 3 => opening(cage, input),
        4 | 5 => bytes(cage, input),
        6 => attributes(cage, input),
        _ => process(fs, cage, input),
    }
}

fn names(cage: &Cage, input: &mut Input<'_>) -> Result {
    let [one, two] = [(); 2].map(|()| input.pick(&NAMES));
    match input.byte() % 14 {
        0 | 1 => cage.mkdir(one, mode(input)),
        2 => cage.rmdir(one),
        3 | 4 => cage.unlink(one),
        5 => cage.link(one, two),
        6 => cage.symlink(two, one),
        7 | 8 => cage.rename(one, two),
        9 => {
            let flags = RenameFlags::from_bits_retain(input.byte().into());
            cage.renameat2(AT_FDCWD, one, AT_FDCWD, two, flags)
        }
        10 => cage.mkfifo(one, mode(input)),
        11 => cage.mknod(one, (u32::from(input.byte()) << 12) | 0o644, Dev::new(1, input.byte().into())),
        12 => cage.symlink([b'/'; 4095].get(..input.number() as usize).unwrap_or(b"x"), one),
        _ => cage.linkat(fd(input), "", AT_FDCWD, one, AtFlags::EMPTY_PATH),
    }
}

fn opening(cage: &Cage, input: &mut Input<'_>) -> Result {
    let name = input.pick(&NAMES);
    let any = OFlags::from_bits_retain(u32::from(input.byte()) << 7 | 2);
    let flags = input.pick(&[
        OFlags::RDONLY,
        OFlags::RDWR,
        OFlags::CREAT | OFlags::RDWR,
        OFlags::CREAT | OFlags::RDWR | OFlags::TRUNC,
        OFlags::CREAT | OFlags::WRONLY | OFlags::APPEND,
        OFlags::TMPFILE | OFlags::RDWR,
        OFlags::PATH,
        any,
    ]);
    match input.byte() % 10 {
        0..5 => cage.open(name, flags | OFlags::NONBLOCK, mode(input)).map(drop),
        5 => cage.close(fd(input)),
        6 => cage.dup2(fd(input), fd(input)).map(drop),
        7 => cage.dup(fd(input)).map(drop),
        8 => cage.pipe2(OFlags::NONBLOCK).map(drop),
        _ => cage.close_range(fd(input) as u32, fd(input) as u32, CloseRangeFlags::empty()),
    }
}

fn bytes(cage: &Cage, input: &mut Input<'_>) -> Result {
    let (fd, other) = (fd(input), fd(input));
    let offset = input.number() as i64;
    let mut buf = [7; 9000];
    let len = input.number() as usize % buf.len();
    match input.byte() % 14 {
        0 | 1 => cage.pwrite(fd, &buf[..len], offset).map(drop),
        2 => cage.write(fd, &buf[..len]).map(drop),
        3 => cage.pread(fd, &mut buf[..len], offset).map(drop),
        4 => cage.read(fd, &mut buf[..len]).map(drop),
        5 => cage.ftruncate(fd, offset),
        6 | 7 => {
            let modes = [0, 1, 3, 8, 0x10, 0x11, 0x20, 0x40];
            let mode = FallocFlags::from_bits_retain(input.pick(&modes));
            cage.fallocate(fd, mode, offset, input.number() as i64)
        }
        8 => {
            let (mut from, mut to) = (offset, input.number() as i64);
            cage.copy_file_range(fd, Some(&mut from), other, Some(&mut to), len, 0).map(drop)
        }
        9 => cage.ficlone(fd, other),
        10 => cage
            .lseek(fd, offset, input.pick(&[Whence::Set, Whence::Cur, Whence::End, Whence::Data]))
            .map(drop),
        11 => cage.getdents64(fd, &mut buf[..len]).map(drop),
        12 => cage.sendfile(fd, other, None, len).map(drop),
        _ => {
            let range = FileCloneRange {
                src_fd: other.into(),
                src_offset: offset as u64,
                src_length: (len as u64) << 12,
                dest_offset: 0,
            };
            cage.ficlonerange(fd, &range)
        }
    }
}

fn attributes(cage: &Cage, input: &mut Input<'_>) -> Result {
    let (name, xattr) = (input.pick(&NAMES), input.pick(&XATTRS));
    match input.byte() % 9 {
        0 => cage.chmod(name, mode(input)),
        1 => cage.chown(name, input.pick(&[0, 1000, 5, u32::MAX]), input.pick(&[0, 1000, 5, u32::MAX])),
        2 | 3 => cage.setxattr(name, xattr, input.bytes(200), XattrFlags::empty()),
        4 => cage.removexattr(name, xattr),
        5 => cage.getxattr(name, xattr, &mut [0; 100]).map(drop),
        6 => cage.listxattr(name, &mut [0; 60]).map(drop),
        7 => cage.stat(name).map(drop),
        _ => cage.truncate(name, input.number() as i64),
    }
}

fn process(fs: &Arc<Imfs>, cage: &Arc<Cage>, input: &mut Input<'_>) -> Result {
    match input.byte() % 8 {
        0 | 1 => cage.chdir(input.pick(&NAMES)),
        2 => cage.fchdir(fd(input)),
        3 => cage.getcwd().map(drop),
        4 => fs.fork(cage.id(), 3 + input.below(2) as u64).map(drop),
        5 => fs.exit(3 + input.below(2) as u64),
        6 => {
            let _ = cage.exec();
            Ok(())
        }
        _ => {
            cage.umask(mode(input));
            Ok(())
        }
    }
}
