//! posix_fadvise(2), readahead(2), sync_file_range(2).

use imfs::abi::{Errno, OFlags, SyncRangeFlags};

use super::fixture::{CLOSED, World, mode, open};

#[test]
fn advice_is_checked_and_changes_nothing() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let path = root.open("/file", OFlags::PATH, mode(0)).unwrap();
    for advice in 0..6 {
        assert_eq!(root.posix_fadvise(fd, -1, 0, advice), Ok(()));
    }
    assert_eq!(root.posix_fadvise(fd, 0, 0, 6), Err(Errno::EINVAL));
    assert_eq!(root.posix_fadvise(fd, 0, -1, 0), Err(Errno::EINVAL));
    assert_eq!(root.posix_fadvise(path, 0, 0, 0), Err(Errno::EBADF));
    assert_eq!(root.posix_fadvise(CLOSED, 0, 0, 9), Err(Errno::EBADF));
}

#[test]
fn readahead_wants_a_file_that_can_be_read() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let writer = root.open("/file", OFlags::WRONLY, mode(0)).unwrap();
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(root.readahead(fd, -1, 10), Ok(()));
    assert_eq!(root.readahead(fd, 0, usize::MAX), Err(Errno::EINVAL));
    assert_eq!(root.readahead(writer, 0, 10), Err(Errno::EBADF));
    assert_eq!(root.readahead(dir, 0, 10), Err(Errno::EINVAL));
}

#[test]
fn sync_file_range_checks_its_range() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let all = SyncRangeFlags::VALID;
    assert_eq!(root.sync_file_range(fd, 0, 0, all), Ok(()));
    assert_eq!(root.sync_file_range(fd, -1, 2, all), Err(Errno::EINVAL));
    assert_eq!(root.sync_file_range(fd, 0, -1, all), Err(Errno::EINVAL));
    assert_eq!(root.sync_file_range(fd, i64::MAX, 1, all), Err(Errno::EINVAL));
    assert_eq!(root.sync_file_range(fd, 0, 0, SyncRangeFlags::from_bits_retain(8)), Err(Errno::EINVAL));
    assert_eq!(root.sync_file_range(CLOSED, 0, 0, all), Err(Errno::EBADF));
}
