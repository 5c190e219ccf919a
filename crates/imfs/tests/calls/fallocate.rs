//! fallocate(2), posix_fallocate(3), and the limit of file sizes.

use imfs::Imfs;
use imfs::abi::{Errno, FallocFlags, OFlags, Whence};
use imfs::inode::Credentials;

use super::fixture::{CLOSED, World, bytes, file, mode, open};

const NONE: FallocFlags = FallocFlags::empty();
const KEEP: FallocFlags = FallocFlags::KEEP_SIZE;
const PUNCH: FallocFlags = FallocFlags::PUNCH_HOLE.union(KEEP);
const PAGE: i64 = 4096;

#[test]
fn errors_come_in_the_order_of_the_kernel() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let path = root.open("/file", OFlags::PATH, mode(0)).unwrap();
    let unknown = FallocFlags::from_bits_retain(0x100);
    assert_eq!(root.fallocate(CLOSED, unknown, -1, 0), Err(Errno::EBADF));
    assert_eq!(root.fallocate(path, unknown, -1, 0), Err(Errno::EBADF));
    assert_eq!(root.fallocate(reader, unknown, -1, 0), Err(Errno::EINVAL));
    assert_eq!(root.fallocate(reader, unknown, 0, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.fallocate(reader, NONE, 0, 1), Err(Errno::EBADF));
    assert_eq!(root.fallocate(fd, FallocFlags::PUNCH_HOLE, 0, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.fallocate(fd, FallocFlags::COLLAPSE_RANGE | KEEP, 0, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.fallocate(fd, FallocFlags::ZERO_RANGE | PUNCH, 0, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.fallocate(fd, NONE, i64::MAX, 1), Err(Errno::EFBIG));
    assert_eq!(root.fallocate(fd, NONE, i64::MAX - 1, 1), Ok(()));
    assert_eq!(root.fstat(fd).unwrap().size, i64::MAX);
    assert_eq!(root.posix_fallocate(fd, 0, 0), Err(Errno::EINVAL));
}

#[test]
fn room_is_kept_and_given_back() {
    let fs = Imfs::builder().size(8 << 12).build().unwrap();
    let root = fs.create_cage(1, Credentials::root()).unwrap();
    let fd = open(&root, "/file");
    assert_eq!(root.fallocate(fd, NONE, 0, 9 * PAGE), Err(Errno::ENOSPC));
    assert_eq!(root.fstat(fd).unwrap().size, 0);
    root.fallocate(fd, KEEP, 0, 6 * PAGE).unwrap();
    assert_eq!((root.fstat(fd).unwrap().size, root.statfs("/").unwrap().bfree), (0, 2));
    let other = file(&root, "/other", &[1; 8192]);
    assert_eq!(root.pwrite(other, b"x", 8192), Err(Errno::ENOSPC));
    assert_eq!(root.pwrite(fd, &[2; 6 * 4096], 0), Ok(6 * 4096));
    root.fallocate(fd, PUNCH, PAGE, 2 * PAGE).unwrap();
    assert_eq!(root.pwrite(other, b"x", 8192), Ok(1));
    assert_eq!(root.lseek(fd, 0, Whence::Hole), Ok(PAGE));
    assert_eq!(root.lseek(fd, PAGE, Whence::Data), Ok(3 * PAGE));
}

#[test]
fn ranges_are_zeroed_taken_out_and_put_in() {
    let World { root, .. } = World::new();
    let pages = [[1_u8; 4096], [2; 4096], [3; 4096]].concat();
    let fd = file(&root, "/file", &pages);
    root.fallocate(fd, FallocFlags::ZERO_RANGE, 10, 5).unwrap();
    assert_eq!(bytes(&root, fd)[8..17], [1, 1, 0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(root.fallocate(fd, FallocFlags::COLLAPSE_RANGE, PAGE, 2 * PAGE), Err(Errno::EINVAL));
    root.fallocate(fd, FallocFlags::COLLAPSE_RANGE, PAGE, PAGE).unwrap();
    assert_eq!(bytes(&root, fd)[4096..], [3; 4096]);
    assert_eq!(root.fallocate(fd, FallocFlags::INSERT_RANGE, 1, PAGE), Err(Errno::EINVAL));
    root.fallocate(fd, FallocFlags::INSERT_RANGE, PAGE, PAGE).unwrap();
    assert_eq!(bytes(&root, fd)[4096..], [[0; 4096], [3; 4096]].concat());
}

#[test]
fn the_limit_of_file_sizes_holds_for_all_that_makes_files_grow() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"12345678");
    let source = file(&root, "/source", &[7; 100]);
    let appender = root.open("/file", OFlags::WRONLY | OFlags::APPEND, mode(0)).unwrap();
    root.set_fsize(10).unwrap();
    assert_eq!(root.pwrite(fd, b"abcd", 8), Ok(2));
    assert_eq!(root.pwrite(fd, b"abcd", 10), Err(Errno::EFBIG));
    assert_eq!(root.write(appender, b"x"), Err(Errno::EFBIG));
    assert_eq!(root.pwrite(fd, b"", 20), Ok(0));
    assert_eq!(root.ftruncate(fd, 11), Err(Errno::EFBIG));
    assert_eq!(root.fallocate(fd, KEEP, 0, 11), Err(Errno::EFBIG));
    assert_eq!(root.fallocate(fd, NONE, 0, 10), Ok(()));
    let copied = root.copy_file_range(source, Some(&mut 0), fd, Some(&mut 4), 100, 0);
    assert_eq!(copied, Ok(6));
    assert_eq!(bytes(&root, fd), b"1234\x07\x07\x07\x07\x07\x07");
    // What is larger already may be written within, and may shrink.
    assert_eq!(root.ftruncate(source, 50), Ok(()));
    assert_eq!(root.pwrite(source, b"x", 9), Ok(1));
    root.set_fsize(u64::MAX).unwrap();
    assert_eq!(root.write(appender, b"x"), Ok(1));
}

#[test]
fn an_allocation_is_a_change_by_who_makes_it() {
    let world = World::new();
    let user = world.user();
    let fd = open(&world.root, "/file");
    world.root.fchmod(fd, mode(0o6777)).unwrap();
    let before = world.root.fstat(fd).unwrap();
    let theirs = user.open("/file", OFlags::RDWR, mode(0)).unwrap();
    user.fallocate(theirs, KEEP, 0, 1).unwrap();
    let after = user.fstat(theirs).unwrap();
    assert_eq!(after.mode, 0o100777);
    assert!(after.mtime > before.mtime && after.ctime > before.ctime);
}
