//! mmap(2), munmap(2), msync(2), with real mappings in this process.

use std::ptr::{null_mut, with_exposed_provenance_mut};
use std::slice::from_raw_parts;
use std::sync::atomic::{AtomicUsize, Ordering};

use imfs::abi::{AT_FDCWD, Errno, MapFlags, MsyncFlags, OFlags, ProtFlags, SetTime, Timespec};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use super::fixture::{CLOSED, World, bytes, file, mode, open};

const P: usize = 4096;
const READ: ProtFlags = ProtFlags::READ;
const WRITE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);
const SHARED: MapFlags = MapFlags::SHARED;
const PRIVATE: MapFlags = MapFlags::PRIVATE;
const ANONYMOUS: MapFlags = MapFlags::PRIVATE.union(MapFlags::ANONYMOUS);
const VALIDATE: MapFlags = MapFlags::SHARED_VALIDATE;

/// Maps where nobody else does, so that a test may ask whether something is there after it has unmapped it.
fn map(
    cage: &Cage,
    len: usize,
    prot: ProtFlags,
    flags: MapFlags,
    fd: i32,
    at: i64,
) -> Result<*mut u8, Errno> {
    assert!(!flags.contains(MapFlags::FIXED));
    static NEXT: AtomicUsize = AtomicUsize::new(1 << 44);
    let place = with_exposed_provenance_mut(NEXT.fetch_add(4 << 20, Ordering::Relaxed));
    // SAFETY: no fixed address, and the tests unmap through the cage.
    unsafe { cage.mmap(place, len, prot, flags, fd, at) }
}

/// Maps over what the test has mapped.
fn map_over(cage: &Cage, at: *mut u8, len: usize, prot: ProtFlags, fd: i32, offset: i64) -> *mut u8 {
    // SAFETY: the tests give addresses of their own mappings.
    unsafe { cage.mmap(at, len, prot, SHARED | MapFlags::FIXED, fd, offset) }.unwrap()
}

fn see(at: *mut u8, offset: usize, len: usize) -> Vec<u8> {
    // SAFETY: the tests look at what they have mapped, within the file; nobody changes it meanwhile.
    unsafe { from_raw_parts(at.add(offset), len) }.to_vec()
}

fn store(at: *mut u8, offset: usize, bytes: &[u8]) {
    // SAFETY: the tests store to what they have mapped for writing, within the file.
    unsafe { at.add(offset).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
}

/// Whether the host has something at this address that can be read.
fn is_there(at: *mut u8) -> bool {
    let mut byte = 0u8;
    let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let remote = libc::iovec { iov_base: at.cast(), iov_len: 1 };
    // SAFETY: `local` is one byte of ours; a bad `remote` is an error, not a fault.
    unsafe { libc::process_vm_readv(std::process::id() as i32, &local, 1, &remote, 1, 0) == 1 }
}

fn used(cage: &Cage) -> u64 {
    let statfs = cage.statfs("/").unwrap();
    statfs.blocks - statfs.bfree
}

#[test]
fn mappings_reads_writes_and_truncations_agree() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", &[1; 2 * P]);
    let at = map(&root, 3 * P, WRITE, SHARED, fd, 0).unwrap();
    assert_eq!(see(at, 0, 2 * P), [1; 2 * P]);
    store(at, P - 2, b"mapped");
    assert_eq!(bytes(&root, fd)[P - 3..P + 5], *b"\x01mapped\x01");
    root.pwrite(fd, b"written", 10).unwrap();
    assert_eq!(see(at, 9, 9), b"\x01written\x01");
    assert!(!is_there(at.wrapping_add(2 * P)), "beyond the end");
    root.pwrite(fd, b"more", 2 * P as i64).unwrap();
    assert_eq!(see(at, 2 * P, 6), b"more\0\0");
    root.ftruncate(fd, 5).unwrap();
    assert!(!is_there(at.wrapping_add(P)));
    assert_eq!(see(at, 3, 4), [1, 1, 0, 0]);
    root.ftruncate(fd, 2 * P as i64).unwrap();
    assert_eq!(see(at, P, 100), [0; 100]);
    let second = map(&root, 10, READ, SHARED, fd, P as i64).unwrap();
    store(at, P, b"both");
    assert_eq!(see(second, 0, 4), b"both");
    root.munmap(at, 3 * P).unwrap();
    assert_eq!(see(second, 0, 4), b"both");
    root.munmap(second, 1).unwrap();
    assert!(!is_there(second));
    assert_eq!(bytes(&root, fd)[P..P + 4], *b"both");
}

#[test]
fn private_mappings_keep_what_is_stored_to_them() {
    let World { root, .. } = World::new();
    file(&root, "/file", &[1; 2 * P]);
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let at = map(&root, 2 * P, WRITE, PRIVATE, reader, 0).unwrap();
    store(at, 0, b"mine");
    let writer = open(&root, "/file");
    root.pwrite(writer, b"theirs", P as i64).unwrap();
    assert_eq!((see(at, 0, 5), see(at, P, 6)), (b"mine\x01".to_vec(), b"theirs".to_vec()));
    let before = root.fstat(writer).unwrap();
    root.munmap(at, 2 * P).unwrap();
    let after = root.fstat(writer).unwrap();
    assert_eq!((after.mtime, after.ctime), (before.mtime, before.ctime));
    assert_eq!(bytes(&root, writer)[..4], [1; 4]);
}

#[test]
fn a_shared_mapping_of_a_reader_never_becomes_a_way_to_write() {
    let World { root, .. } = World::new();
    let writer = file(&root, "/file", &[1; P]);
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let at = map(&root, P, READ, SHARED, reader, 0).unwrap();
    root.pwrite(writer, b"new", 0).unwrap();
    assert_eq!(see(at, 0, 3), b"new");
    // SAFETY: the page is a mapping of this test.
    if unsafe { libc::mprotect(at.cast(), P, libc::PROT_READ | libc::PROT_WRITE) } == 0 {
        store(at, 0, b"bad");
    }
    assert_eq!(bytes(&root, writer)[..3], *b"new");
    root.munmap(at, P).unwrap();
}

#[test]
fn mappings_keep_files_that_were_closed_and_unlinked() {
    let World { root, .. } = World::new();
    let (inodes, pages) = (root.statfs("/").unwrap().ffree, used(&root));
    let fd = file(&root, "/file", &[7; 2 * P]);
    let at = map(&root, 2 * P, WRITE, SHARED, fd, 0).unwrap();
    root.close(fd).unwrap();
    root.unlink("/file").unwrap();
    assert_eq!((root.statfs("/").unwrap().ffree, used(&root)), (inodes - 1, pages + 2));
    assert_eq!(see(at, P, 3), [7; 3]);
    store(at, P, b"still");
    assert_eq!(see(at, P, 5), b"still");
    root.munmap(at, 2 * P).unwrap();
    assert_eq!((root.statfs("/").unwrap().ffree, used(&root)), (inodes, pages));
}

#[test]
fn parts_are_unmapped() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", &[[1; P], [2; P], [3; P], [4; P], [5; P]].concat());
    let at = map(&root, 5 * P, WRITE, SHARED, fd, 0).unwrap();
    let page = |n: usize| at.wrapping_add(n * P);
    root.munmap(page(2), P).unwrap();
    let there = || (0..5).map(|n| is_there(page(n))).collect::<Vec<_>>();
    assert_eq!(there(), [true, true, false, true, true]);
    root.munmap(page(2), P).unwrap();
    store(page(1), 0, b"left");
    store(page(3), 0, b"right");
    assert_eq!((bytes(&root, fd)[P..P + 4].to_vec(), bytes(&root, fd)[3 * P..3 * P + 5].to_vec()), {
        (b"left".to_vec(), b"right".to_vec())
    });
    // From within the first piece to within the second.
    root.munmap(page(1), 3 * P).unwrap();
    assert_eq!(there(), [true, false, false, false, true]);
    assert_eq!(root.msync(page(0), P, MsyncFlags::SYNC), Ok(()));
    assert_eq!(root.msync(page(4), P, MsyncFlags::ASYNC), Ok(()));
    assert_eq!(root.msync(page(0), 2 * P, MsyncFlags::SYNC), Err(Errno::ENOMEM));
    assert_eq!(root.msync(page(0), 5 * P, MsyncFlags::SYNC), Err(Errno::ENOMEM));
    root.munmap(page(0), 5 * P).unwrap();
    assert_eq!(there(), [false; 5]);
    assert_eq!(bytes(&root, fd)[4 * P..], [5; P]);
}

#[test]
fn a_fixed_mapping_replaces_what_is_there() {
    let World { root, .. } = World::new();
    let pages = used(&root);
    let old = file(&root, "/old", &[1; 3 * P]);
    let new = file(&root, "/new", &[2; P]);
    let at = map(&root, 3 * P, WRITE, SHARED, old, 0).unwrap();
    let middle = at.wrapping_add(P);
    assert_eq!(map_over(&root, middle, P, WRITE, new, 0), middle);
    store(at, P, b"new");
    store(at, 2 * P, b"old");
    assert_eq!((bytes(&root, new)[..3].to_vec(), bytes(&root, old)[P]), (b"new".to_vec(), 1));
    assert_eq!(bytes(&root, old)[2 * P..2 * P + 3], *b"old");
    // SAFETY: the host refuses, for the test's own mapping is there.
    let refused = unsafe { root.mmap(at, P, READ, SHARED | MapFlags::FIXED_NOREPLACE, old, 0) };
    assert_eq!(refused, Err(Errno::EEXIST));
    for (fd, name) in [(old, "/old"), (new, "/new")] {
        root.close(fd).unwrap();
        root.unlink(name).unwrap();
    }
    root.munmap(middle, P).unwrap();
    assert_eq!(used(&root), pages + 3);
    assert_eq!(see(at, 2 * P, 3), b"old");
    root.munmap(at, 3 * P).unwrap();
    assert_eq!(used(&root), pages);
}

#[test]
fn only_what_a_cage_mapped_is_unmapped_by_it() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    let at = map(root, 2 * P, WRITE, ANONYMOUS, CLOSED, 0).unwrap();
    store(at, P, b"mine");
    assert_eq!(user.munmap(at, 2 * P), Ok(()));
    assert_eq!(user.msync(at, P, MsyncFlags::SYNC), Err(Errno::ENOMEM));
    assert_eq!(see(at, P, 4), b"mine");
    let child = world.fs.fork(1, 2).unwrap();
    assert_eq!(child.munmap(at, 2 * P), Ok(()));
    world.fs.exit(2).unwrap();
    assert_eq!(see(at, P, 4), b"mine");
    root.munmap(at, P).unwrap();
    assert_eq!((is_there(at), see(at, P, 4)), (false, b"mine".to_vec()));
    root.munmap(at, 2 * P).unwrap();
}

#[test]
fn exec_and_exit_unmap_all() {
    let World { fs, root } = World::new();
    let pages = used(&root);
    let cage = fs.create_cage(2, Credentials::root()).unwrap();
    let fd = file(&cage, "/file", &[1; P]);
    let before = root.stat("/file").unwrap();
    let anonymous = map(&cage, P, WRITE, ANONYMOUS, -1, 0).unwrap();
    let at = map(&cage, P, WRITE, SHARED, fd, 0).unwrap();
    store(at, 0, b"exec");
    cage.exec().expect("exec");
    assert!(!is_there(at) && !is_there(anonymous));
    let stat = root.stat("/file").unwrap();
    assert!(stat.mtime > before.mtime && stat.ctime > before.ctime);
    let at = map(&cage, P, WRITE, SHARED, fd, 0).unwrap();
    store(at, 0, b"exit");
    root.unlink("/file").unwrap();
    assert_eq!(used(&root), pages + 1);
    fs.exit(2).unwrap();
    assert!(!is_there(at));
    assert_eq!(used(&root), pages);
    assert_eq!(map(&cage, P, READ, ANONYMOUS, -1, 0), Err(Errno::ESRCH));
    assert_eq!(map(&cage, P, READ, SHARED, fd, 0), Err(Errno::EBADF));
}

#[test]
fn stores_show_in_the_times() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", &[1; 4 * P]);
    let times = |cage: &Cage| {
        let stat = cage.fstat(fd).unwrap();
        (stat.mtime, stat.ctime)
    };
    let start = times(&root);
    let at = map(&root, 4 * P, WRITE, SHARED, fd, 0).unwrap();
    root.msync(at, P, MsyncFlags::SYNC).unwrap();
    assert_eq!(times(&root), start);
    store(at, P, b"seen by stat");
    let seen = times(&root);
    assert!(seen.0 > start.0 && seen.1 > start.1);
    assert_eq!(times(&root), seen);
    store(at, 2 * P, b"seen by msync");
    root.msync(at.wrapping_add(2 * P), P, MsyncFlags::SYNC).unwrap();
    assert!(times(&root).0 > seen.0);
    // What is stored before the times are set does not undo them.
    store(at, 3 * P, b"before");
    let set = SetTime::Set(Timespec { sec: 5, nsec: 0 });
    root.utimensat(AT_FDCWD, "/file", set, set, imfs::abi::AtFlags::empty()).unwrap();
    root.munmap(at, 4 * P).unwrap();
    assert_eq!(times(&root).0.sec, 5);
}

#[test]
fn mapping_is_an_access() {
    let World { root, .. } = World::new();
    file(&root, "/file", &[1; P]);
    let fd = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let quiet = root.open("/file", OFlags::RDONLY | OFlags::NOATIME, mode(0)).unwrap();
    let atime = || root.fstat(fd).unwrap().atime;
    let before = atime();
    let first = map(&root, P, READ, SHARED, quiet, 0).unwrap();
    assert_eq!(atime(), before);
    let second = map(&root, P, READ, PRIVATE, fd, 0).unwrap();
    assert!(atime() > before);
    root.munmap(first, P).unwrap();
    root.munmap(second, P).unwrap();
}

#[test]
fn holes_that_can_be_written_take_space() {
    let fs = Imfs::builder().size(8 * P as u64).build().unwrap();
    let root = fs.create_cage(1, Credentials::root()).unwrap();
    let fd = open(&root, "/sparse");
    root.ftruncate(fd, 10 * P as i64).unwrap();
    assert_eq!(map(&root, 10 * P, WRITE, SHARED, fd, 0), Err(Errno::ENOMEM));
    assert_eq!((used(&root), root.fstat(fd).unwrap().blocks), (0, 0));
    let copy = map(&root, 10 * P, WRITE, PRIVATE, fd, 0).unwrap();
    let at = map(&root, 6 * P, WRITE, SHARED, fd, 0).unwrap();
    assert_eq!(used(&root), 6);
    let other = file(&root, "/other", &[1; 2 * P]);
    assert_eq!(root.pwrite(other, b"x", 2 * P as i64), Err(Errno::ENOSPC));
    (0..6).for_each(|n| store(at, n * P, b"there is room"));
    root.munmap(copy, 10 * P).unwrap();
    assert_eq!((used(&root), root.fstat(fd).unwrap().blocks), (8, 6 * 8));
    root.munmap(at, 6 * P).unwrap();
    for name in ["/sparse", "/other"] {
        root.unlink(name).unwrap();
    }
    root.close(fd).unwrap();
    root.close(other).unwrap();
    assert_eq!(used(&root), 0);
}

#[test]
fn errors_come_in_the_order_of_the_kernel() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", &[1; P]);
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let writer = root.open("/file", OFlags::WRONLY, mode(0)).unwrap();
    let path = root.open("/file", OFlags::PATH, mode(0)).unwrap();
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    let [pipe, _] = root.pipe2(OFlags::empty()).unwrap();
    let none = MapFlags::empty();
    let high = i64::MAX & !(P as i64 - 1);
    let page = P as i64;
    let table = [
        (P, READ, SHARED, CLOSED, 1, Errno::EINVAL),
        (0, READ, none, CLOSED, 0, Errno::EBADF),
        (P, READ, SHARED, path, 0, Errno::EBADF),
        (0, READ, SHARED, writer, 0, Errno::EINVAL),
        (P, READ, SHARED | MapFlags::HUGETLB, fd, 0, Errno::EINVAL),
        (usize::MAX, READ, none, writer, 0, Errno::ENOMEM),
        (1 << 60, READ, none, writer, 0, Errno::ENOMEM),
        (P, READ, none, fd, high, Errno::EOVERFLOW),
        (P, READ, SHARED, fd, -page, Errno::EOVERFLOW),
        (P, READ, none, writer, 0, Errno::EINVAL),
        (P, READ, MapFlags::TYPE, fd, 0, Errno::EINVAL),
        (P, READ, VALIDATE | MapFlags::SYNC, writer, 0, Errno::EOPNOTSUPP),
        (P, READ, VALIDATE | MapFlags::FIXED_NOREPLACE, fd, 0, Errno::EOPNOTSUPP),
        (P, READ, SHARED, writer, 0, Errno::EACCES),
        (P, ProtFlags::NONE, PRIVATE, writer, 0, Errno::EACCES),
        (P, WRITE, SHARED, reader, 0, Errno::EACCES),
        (P, WRITE, SHARED, dir, 0, Errno::EACCES),
        (P, READ, SHARED, dir, 0, Errno::ENODEV),
        (P, READ, PRIVATE, pipe, 0, Errno::ENODEV),
        (P, READ, PRIVATE | MapFlags::GROWSDOWN, pipe, 0, Errno::ENODEV),
        (P, READ, PRIVATE | MapFlags::GROWSDOWN, fd, 0, Errno::EINVAL),
        (0, READ, ANONYMOUS, -1, 0, Errno::EINVAL),
        (P, READ, MapFlags::ANONYMOUS, -1, 0, Errno::EINVAL),
        (P, READ, ANONYMOUS, -1, 1, Errno::EINVAL),
        (1 << 60, READ, ANONYMOUS, -1, 0, Errno::ENOMEM),
        (P, READ, ANONYMOUS | MapFlags::HUGETLB, -1, 0, Errno::ENOMEM),
    ];
    for (n, (len, prot, flags, fd, offset, error)) in table.into_iter().enumerate() {
        assert_eq!(map(&root, len, prot, flags, fd, offset), Err(error), "line {n}");
    }
    // SAFETY: refused, for it is not the address of a page.
    let unaligned =
        unsafe { root.mmap(null_mut::<u8>().wrapping_add(1), P, READ, SHARED | MapFlags::FIXED, fd, 0) };
    assert_eq!(unaligned, Err(Errno::EINVAL));
}

#[test]
fn errors_of_munmap_and_msync() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", &[1; P]);
    let at = map(&root, P, READ, VALIDATE, fd, 0).unwrap();
    let (odd, last) = (at.wrapping_add(1), null_mut::<u8>().wrapping_sub(P));
    for (at, len) in [(odd, P), (at, 0), (at, usize::MAX), (last, P), (null_mut(), 1 << 60)] {
        assert_eq!(root.munmap(at, len), Err(Errno::EINVAL), "{at:?} {len}");
    }
    let (sync, both) = (MsyncFlags::SYNC, MsyncFlags::SYNC | MsyncFlags::ASYNC);
    assert_eq!(root.msync(at, P, MsyncFlags::from_bits_retain(8)), Err(Errno::EINVAL));
    assert_eq!(root.msync(odd, P, sync), Err(Errno::EINVAL));
    assert_eq!(root.msync(at, P, both), Err(Errno::EINVAL));
    assert_eq!(root.msync(last, 2 * P, sync), Err(Errno::ENOMEM));
    assert_eq!(root.msync(null_mut(), P, sync), Err(Errno::ENOMEM));
    assert_eq!(root.msync(null_mut(), 0, sync), Ok(()));
    assert_eq!(root.msync(at, usize::MAX, sync), Ok(()));
    assert_eq!(root.msync(at, 1, MsyncFlags::INVALIDATE | sync), Ok(()));
    root.munmap(at, 1).unwrap();
    assert_eq!(root.msync(at, P, sync), Err(Errno::ENOMEM));
}

#[test]
fn an_append_only_file_is_mapped_for_reading_alone() {
    use imfs::abi::ioctl::{FS_APPEND_FL, FS_IOC_SETFLAGS};
    let World { root, .. } = World::new();
    let reader = root.open("/file", OFlags::CREAT | OFlags::RDONLY, mode(0o644)).unwrap();
    root.ioctl(reader, FS_IOC_SETFLAGS, imfs::cage::IoctlArg::Int(FS_APPEND_FL as i32)).unwrap();
    let appender = root.open("/file", OFlags::RDWR | OFlags::APPEND, mode(0)).unwrap();
    assert_eq!(map(&root, P, READ, SHARED, appender, 0), Err(Errno::EACCES));
    for (fd, flags) in [(appender, PRIVATE), (reader, SHARED)] {
        let at = map(&root, P, READ, flags, fd, 0).unwrap();
        root.munmap(at, P).unwrap();
    }
}

#[test]
fn the_device_zero_maps_fresh_memory() {
    let World { root, .. } = World::new();
    for (minor, name) in [(3, "/null"), (5, "/zero"), (7, "/full")] {
        root.mknod(name, 0o20666, imfs::abi::Dev::new(1, minor)).unwrap();
    }
    let open = |name: &str| root.open(name, OFlags::RDWR, mode(0)).unwrap();
    let zero = open("/zero");
    for flags in [SHARED, PRIVATE] {
        let at = map(&root, P, WRITE, flags, zero, 0).unwrap();
        assert_eq!(see(at, 0, P), [0; P]);
        store(at, 0, b"x");
        root.munmap(at, P).unwrap();
    }
    for name in ["/null", "/full"] {
        assert_eq!(map(&root, P, READ, PRIVATE, open(name), 0), Err(Errno::ENODEV));
    }
}

#[test]
fn who_looks_beyond_the_end_is_killed() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"short");
    let at = map(&root, 2 * P, READ, SHARED, fd, 0).unwrap();
    // SAFETY: the child only reads one byte and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: mapped, but not within the file: the host kills the child for it.
        let byte = unsafe { at.add(P).read_volatile() };
        // SAFETY: ends the child without anything else.
        unsafe { libc::_exit(i32::from(byte)) };
    }
    let mut status = 0;
    // SAFETY: a child of this process, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGBUS, "{status:#x}");
    root.munmap(at, 2 * P).unwrap();
}

#[test]
fn threads_map_and_unmap_one_file() {
    let World { root, .. } = World::new();
    let pages = used(&root);
    let fd = file(&root, "/file", &[0; 4 * P]);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let root = &root;
            scope.spawn(move || {
                for round in 1..=50_u8 {
                    let at = map(root, 4 * P, WRITE, SHARED, fd, 0).unwrap();
                    root.munmap(at.wrapping_add((thread + 1) % 4 * P), P).unwrap();
                    store(at, thread * P, &[round; 8]);
                    let mut read = [0; 8];
                    root.pread(fd, &mut read, (thread * P) as i64).unwrap();
                    assert_eq!(read, [round; 8]);
                    root.munmap(at, 4 * P).unwrap();
                }
            });
        }
    });
    assert_eq!((0..4).map(|n| bytes(&root, fd)[n * P]).collect::<Vec<_>>(), [50; 4]);
    root.unlink("/file").unwrap();
    root.close(fd).unwrap();
    assert_eq!(used(&root), pages);
}
