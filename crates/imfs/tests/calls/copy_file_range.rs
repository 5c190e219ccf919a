//! copy_file_range(2), and FICLONERANGE of ioctl(2).

use imfs::abi::{Errno, FileCloneRange, OFlags, Whence};

use super::fixture::{CLOSED, World, bytes, file, mode, open};

#[test]
fn bytes_are_copied_at_offsets_of_the_caller_or_of_the_descriptors() {
    let World { root, .. } = World::new();
    let (from, to) = (file(&root, "/from", b"hello world"), file(&root, "/to", b"----------"));
    let (mut read, mut write) = (6, 2);
    assert_eq!(root.copy_file_range(from, Some(&mut read), to, Some(&mut write), 100, 0), Ok(5));
    assert_eq!((read, write), (11, 7));
    assert_eq!(bytes(&root, to), b"--world---");
    assert_eq!(root.copy_file_range(from, None, to, None, 3, 0), Ok(3));
    assert_eq!(root.copy_file_range(from, None, to, None, 3, 0), Ok(3));
    assert_eq!(bytes(&root, to), b"hello d---");
    assert_eq!(root.lseek(from, 0, Whence::Cur), Ok(6));
    assert_eq!(root.lseek(to, 0, Whence::Cur), Ok(6));
    assert_eq!(root.copy_file_range(from, Some(&mut read), to, None, 3, 0), Ok(0));
}

#[test]
fn large_copies_share_memory_and_stay_apart() {
    let World { root, .. } = World::new();
    let data: Vec<u8> = (0..100_000_u32).map(|n| (n / 7) as u8).collect();
    let (from, to) = (file(&root, "/from", &data), open(&root, "/to"));
    assert_eq!(root.copy_file_range(from, None, to, None, usize::MAX >> 1, 0), Ok(data.len()));
    assert_eq!(bytes(&root, to), data);
    root.pwrite(from, b"changed", 5000).unwrap();
    assert_eq!(bytes(&root, to), data);
    assert_eq!(root.fstat(to).unwrap().blocks, root.fstat(from).unwrap().blocks);
}

#[test]
fn one_file_is_copied_within_unless_ranges_overlap() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"hello");
    let copy = |from, to, len| root.copy_file_range(fd, Some(&mut { from }), fd, Some(&mut { to }), len, 0);
    assert_eq!(copy(0, 4, 5), Err(Errno::EINVAL));
    assert_eq!(copy(0, 5, 5), Ok(5));
    assert_eq!(bytes(&root, fd), b"hellohello");
    assert_eq!(copy(0, 0, 0), Ok(0));
    assert_eq!(root.copy_file_range(fd, None, fd, None, 1, 0), Err(Errno::EINVAL));
}

#[test]
fn errors_come_in_the_order_of_the_kernel() {
    let World { root, .. } = World::new();
    let (from, to) = (file(&root, "/from", b"hello world"), open(&root, "/to"));
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    let path = root.open("/to", OFlags::PATH, mode(0)).unwrap();
    let append = root.open("/to", OFlags::WRONLY | OFlags::APPEND, mode(0)).unwrap();
    let writer = root.open("/from", OFlags::WRONLY, mode(0)).unwrap();
    let copy = |input, read: i64, output, write: i64, len, flags| {
        root.copy_file_range(input, Some(&mut { read }), output, Some(&mut { write }), len, flags)
    };
    let cases = [
        (copy(CLOSED, 0, to, 0, 5, 1), Errno::EBADF),
        (copy(path, 0, to, 0, 5, 1), Errno::EBADF),
        (copy(dir, 0, to, 0, 5, 1), Errno::EINVAL),
        (copy(dir, 0, append, 0, 5, 0), Errno::EISDIR),
        (copy(from, 0, append, 0, 0, 0), Errno::EBADF),
        (copy(writer, 0, to, 0, 5, 0), Errno::EBADF),
        (copy(from, -1, to, 0, 5, 0), Errno::EOVERFLOW),
        (copy(from, -5, to, 0, 1, 0), Errno::EINVAL),
        (copy(from, 0, to, -5, 1000, 0), Errno::EOVERFLOW),
        (copy(from, 0, to, -5, 1, 0), Errno::EINVAL),
        (copy(from, -1, to, 0, 0, 0), Errno::EINVAL),
        (copy(from, 5, from, 0, usize::MAX, 0), Errno::EOVERFLOW),
        (copy(from, 0, to, i64::MAX, 0, 0), Errno::EFBIG),
    ];
    for (at, (result, errno)) in cases.into_iter().enumerate() {
        assert_eq!(result, Err(errno), "case {at}");
    }
    assert_eq!(copy(from, 0, to, i64::MAX - 1, 5, 0), Ok(1));
}

#[test]
fn times_move_only_if_something_was_copied() {
    let World { root, .. } = World::new();
    let (from, to) = (file(&root, "/from", b"hello"), open(&root, "/to"));
    let before = root.fstat(to).unwrap();
    assert_eq!(root.copy_file_range(from, Some(&mut 5), to, None, 9, 0), Ok(0));
    assert_eq!(root.fstat(to).unwrap(), before);
    assert_eq!(root.copy_file_range(from, None, to, None, 9, 0), Ok(5));
    assert!(root.fstat(to).unwrap().mtime > before.mtime);
}

#[test]
fn clones_are_whole_pages_with_their_holes() {
    let World { root, .. } = World::new();
    let from = file(&root, "/from", &[[1; 4096], [2; 4096]].concat());
    root.ftruncate(from, 3 * 4096 + 5).unwrap();
    let to = open(&root, "/to");
    root.ficlone(to, from).unwrap();
    assert_eq!(bytes(&root, to), bytes(&root, from));
    assert_eq!(root.lseek(to, 0, Whence::Hole), Ok(8192));
    let range = |src_offset, src_length, dest_offset| {
        root.ficlonerange(to, &FileCloneRange { src_fd: from.into(), src_offset, src_length, dest_offset })
    };
    assert_eq!(range(4096, 4096, 0), Ok(()));
    assert_eq!(bytes(&root, to)[..4096], [2; 4096]);
    assert_eq!(range(1, 4096, 0), Err(Errno::EINVAL));
    assert_eq!(range(0, 100, 0), Err(Errno::EINVAL));
    assert_eq!(range(0, u64::MAX, 0), Err(Errno::EINVAL));
    assert_eq!(range(4 * 4096, 4096, 0), Err(Errno::EINVAL));
    assert_eq!(root.ficlone(to, CLOSED), Err(Errno::EBADF));
    assert_eq!(root.ficlone(CLOSED, to), Err(Errno::EBADF));
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(root.ficlone(to, dir), Err(Errno::EISDIR));
    let reader = root.open("/to", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(root.ficlone(reader, from), Err(Errno::EBADF));
}
