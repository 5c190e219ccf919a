//! pathconf(3), fpathconf(3).

use imfs::abi::Errno;
use imfs::abi::limits::*;

use super::fixture::{CLOSED, World, open};

#[test]
fn limits_are_those_of_a_tmpfs() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let answers = [
        (PC_LINK_MAX, Some(127)),
        (PC_NAME_MAX, Some(255)),
        (PC_PATH_MAX, Some(4096)),
        (PC_PIPE_BUF, Some(4096)),
        (PC_CHOWN_RESTRICTED, Some(1)),
        (PC_NO_TRUNC, Some(1)),
        (PC_VDISABLE, Some(0)),
        (PC_SYNC_IO, None),
        (PC_ASYNC_IO, Some(1)),
        (PC_FILESIZEBITS, Some(32)),
        (PC_REC_XFER_ALIGN, Some(4096)),
        (PC_SYMLINK_MAX, None),
        (PC_2_SYMLINKS, Some(1)),
    ];
    for (name, value) in answers {
        assert_eq!(root.pathconf("/file", name), Ok(value), "{name}");
        assert_eq!(root.fpathconf(fd, name), Ok(value), "{name}");
    }
    assert_eq!(root.pathconf("/", PC_ASYNC_IO), Ok(None));
}

#[test]
fn only_some_names_look_at_the_file() {
    let World { root, .. } = World::new();
    assert_eq!(root.pathconf("/absent", PC_NAME_MAX), Err(Errno::ENOENT));
    assert_eq!(root.pathconf("/absent", PC_PATH_MAX), Ok(Some(4096)));
    assert_eq!(root.pathconf("", PC_PATH_MAX), Err(Errno::ENOENT));
    assert_eq!(root.pathconf("/", 21), Err(Errno::EINVAL));
    assert_eq!(root.fpathconf(CLOSED, PC_NAME_MAX), Err(Errno::EBADF));
    assert_eq!(root.fpathconf(CLOSED, PC_PATH_MAX), Ok(Some(4096)));
    assert_eq!(root.fpathconf(-1, PC_PATH_MAX), Err(Errno::EBADF));
}
