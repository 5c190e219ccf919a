//! Bytes as access lists and as names and values of extended attributes.

use imfs::Imfs;
use imfs::abi::{Errno, Mode, XattrFlags};
use imfs::inode::Credentials;

use crate::input::Input;

/// What can be set can be read, is listed, and set again it stays the same; a list agrees with the mode; and what is
/// removed gives back its space.
pub fn attributes(data: &[u8]) {
    let fs = Imfs::builder().inodes(1000).build().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    cage.mkdir("/d", Mode::RWXUGO).expect("mkdir");
    let free = fs.statfs().ffree;
    let mut input = Input(data);
    let own;
    let name = match input.byte() % 4 {
        0 => &b"system.posix_acl_access"[..],
        1 => b"system.posix_acl_default",
        2 => {
            own = [b"user.", input.bytes(255)].concat();
            &own
        }
        _ => input.bytes(255),
    };
    let value = input.0;
    let none = XattrFlags::empty();
    if cage.setxattr("/d", name, value, none).is_err() {
        assert_eq!(fs.statfs().ffree, free);
        return;
    }
    // Capabilities that are none can be set by root, but not read.
    if name == b"security.capability" && cage.getxattr("/d", name, &mut []) == Err(Errno::EINVAL) {
        cage.removexattr("/d", name).expect("removexattr");
        assert_eq!(fs.statfs().ffree, free);
        return;
    }
    let get = || {
        let mut buf = vec![0; cage.getxattr("/d", name, &mut []).expect("the length")];
        // An empty buffer asks for the length.
        if !buf.is_empty() {
            assert_eq!(cage.getxattr("/d", name, &mut buf), Ok(buf.len()));
        }
        buf
    };
    let listed = || {
        let mut names = vec![0; 70_000];
        let len = cage.listxattr("/d", &mut names).expect("listxattr");
        names[..len].split(|byte| *byte == 0).any(|listed| listed == name)
    };
    if listed() {
        let first = get();
        let stat = cage.stat("/d").expect("stat");
        cage.setxattr("/d", name, &first, none).expect("set again");
        assert_eq!((get(), cage.stat("/d").expect("stat").mode), (first, stat.mode));
        if name.starts_with(b"system.") {
            // The lists of a new directory and of chmod come from it.
            cage.mkdir("/d/e", Mode::RWXUGO).expect("mkdir");
            cage.rmdir("/d/e").expect("rmdir");
            cage.chmod("/d", Mode::RWXU).expect("chmod");
            assert_eq!(cage.stat("/d").expect("stat").mode & 0o777, 0o700);
        }
        cage.removexattr("/d", name).expect("removexattr");
        assert!(!listed());
    }
    assert_eq!(fs.statfs().ffree, free);
}
