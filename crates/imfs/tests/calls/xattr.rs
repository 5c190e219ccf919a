//! getxattr(2), setxattr(2), listxattr(2), removexattr(2), and access lists (acl(5)).

use imfs::Cage;
use imfs::abi::{AT_FDCWD, Access, AtFlags, Errno, OFlags, XattrFlags};
use imfs::inode::Credentials;

use super::fixture::{CLOSED, USER, World, file, mode, open};

const ANY: XattrFlags = XattrFlags::empty();
const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// An access list as bytes: owner, entries of users, group, mask, others. Without entries, none.
fn acl(owner: u16, users: &[(u32, u16)], group: u16, mask: Option<u16>, other: u16) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    let mut entry = |tag: u16, perm: u16, id: u32| {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perm.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    };
    entry(1, owner, u32::MAX);
    users.iter().for_each(|(id, perm)| entry(2, *perm, *id));
    entry(4, group, u32::MAX);
    mask.into_iter().for_each(|perm| entry(0x10, perm, u32::MAX));
    entry(0x20, other, u32::MAX);
    bytes
}

fn get(cage: &Cage, path: &str, name: &str) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; 256];
    let len = cage.getxattr(path, name, &mut value)?;
    assert_eq!(cage.getxattr(path, name, &mut []), Ok(len));
    value.truncate(len);
    Ok(value)
}

fn list(cage: &Cage, path: &str) -> Vec<String> {
    let mut names = vec![0; 1024];
    let len = cage.listxattr(path, &mut names).unwrap();
    let names = String::from_utf8(names[..len].to_vec()).unwrap();
    names.split_terminator('\0').map(String::from).collect()
}

#[test]
fn attributes_are_set_read_listed_and_removed_in_every_form() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    root.symlink("file", "/link").unwrap();
    root.setxattr("/link", "user.a", b"one", ANY).unwrap();
    root.lsetxattr("/link", "trusted.a", b"link", ANY).unwrap();
    root.fsetxattr(fd, "user.b", b"", ANY).unwrap();
    let mut value = [0; 8];
    assert_eq!(root.lgetxattr("/link", "trusted.a", &mut value), Ok(4));
    assert_eq!(root.lgetxattr("/link", "user.a", &mut value), Err(Errno::ENODATA));
    assert_eq!(root.fgetxattr(fd, "user.a", &mut value), Ok(3));
    assert_eq!(get(&root, "/file", "user.b"), Ok(vec![]));
    assert_eq!(list(&root, "/link"), ["user.b", "user.a"]);
    assert_eq!(root.llistxattr("/link", &mut [0; 9]), Err(Errno::ERANGE));
    assert_eq!(root.llistxattr("/link", &mut [0; 10]), Ok(10));
    assert_eq!(root.flistxattr(fd, &mut []), Ok(14));
    root.removexattr("/link", "user.a").unwrap();
    root.lremovexattr("/link", "trusted.a").unwrap();
    root.fremovexattr(fd, "user.b").unwrap();
    assert_eq!(root.fremovexattr(fd, "user.b"), Err(Errno::ENODATA));
    assert_eq!(list(&root, "/file"), [""; 0]);
}

#[test]
fn the_forms_with_at_take_a_directory_and_an_empty_path() {
    let World { root, .. } = World::new();
    root.mkdir("/dir", mode(0o755)).unwrap();
    let fd = open(&root, "/dir/file");
    let dir = root.open("/dir", OFlags::RDONLY, mode(0)).unwrap();
    let path = root.open("/dir/file", OFlags::PATH, mode(0)).unwrap();
    let none = AtFlags::empty();
    root.setxattrat(dir, "file", none, "user.a", b"1", ANY).unwrap();
    assert_eq!(root.getxattrat(fd, "", AtFlags::EMPTY_PATH, "user.a", &mut []), Ok(1));
    assert_eq!(root.getxattrat(path, "", AtFlags::EMPTY_PATH, "user.a", &mut []), Err(Errno::EBADF));
    assert_eq!(root.getxattrat(dir, "", none, "user.a", &mut []), Err(Errno::ENOENT));
    assert_eq!(root.listxattrat(AT_FDCWD, "/dir/file", AtFlags::SYMLINK_NOFOLLOW, &mut []), Ok(7));
    let other = AtFlags::SYMLINK_FOLLOW;
    assert_eq!(root.removexattrat(dir, "file", other, "user.a"), Err(Errno::EINVAL));
    assert_eq!(root.removexattrat(dir, "file", none, "user.a"), Ok(()));
}

#[test]
fn arguments_are_checked_before_the_file_is_looked_up() {
    let World { root, .. } = World::new();
    let long = "user.".to_owned() + &"x".repeat(251);
    let unknown = XattrFlags::from_bits_retain(4);
    assert_eq!(root.setxattr("/absent", "", b"", unknown), Err(Errno::EINVAL));
    assert_eq!(root.setxattr("/absent", "", b"", ANY), Err(Errno::ERANGE));
    assert_eq!(root.setxattr("/absent", &long, b"", ANY), Err(Errno::ERANGE));
    assert_eq!(root.setxattr("/absent", &long[1..], b"", ANY), Err(Errno::ENOENT));
    assert_eq!(root.setxattr("/absent", "user.a", &[0; 65537], ANY), Err(Errno::E2BIG));
    assert_eq!(root.fgetxattr(CLOSED, "", &mut []), Err(Errno::ERANGE));
    assert_eq!(root.fgetxattr(CLOSED, "user.a", &mut []), Err(Errno::EBADF));
    open(&root, "/file");
    assert_eq!(root.setxattr("/file", "user.", b"", ANY), Err(Errno::EINVAL));
    assert_eq!(root.setxattr("/file", "other.a", b"", ANY), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.setxattr("/file", b"user.\0", b"", ANY), Err(Errno::EINVAL));
    assert_eq!(root.setxattr("/file", "user.a", b"", XattrFlags::REPLACE), Err(Errno::ENODATA));
    root.setxattr("/file", "user.a", b"", XattrFlags::CREATE).unwrap();
    assert_eq!(root.setxattr("/file", "user.a", b"", XattrFlags::CREATE), Err(Errno::EEXIST));
}

#[test]
fn who_may_depends_on_the_namespace() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    let fd = open(root, "/file");
    root.setxattr("/file", "user.a", b"1", ANY).unwrap();
    root.setxattr("/file", "trusted.a", b"1", ANY).unwrap();
    assert_eq!(list(&user, "/file"), ["user.a"]);
    assert_eq!(get(&user, "/file", "trusted.a"), Err(Errno::ENODATA));
    assert_eq!(user.setxattr("/file", "trusted.a", b"", ANY), Err(Errno::EPERM));
    assert_eq!(user.setxattr("/file", "security.a", b"", ANY), Err(Errno::EPERM));
    assert_eq!(user.setxattr("/file", "user.a", b"", ANY), Err(Errno::EACCES));
    root.fchmod(fd, mode(0o602)).unwrap();
    assert_eq!(get(&user, "/file", "user.a"), Err(Errno::EACCES));
    assert_eq!(user.setxattr("/file", "user.a", b"22", ANY), Ok(()));
    assert_eq!(get(root, "/file", "user.a"), Ok(b"22".to_vec()));
    assert_eq!(user.setxattr("/file", ACCESS, &acl(7, &[], 7, None, 7), ANY), Err(Errno::EPERM));
}

#[test]
fn attributes_take_from_the_room_for_inodes() {
    let fs = imfs::Imfs::builder().inodes(3).build().unwrap();
    let root = fs.create_cage(1, Credentials::root()).unwrap();
    open(&root, "/file");
    let free = root.statfs("/").unwrap().ffree;
    assert_eq!(root.setxattr("/file", "user.a", &[1; 1024], ANY), Err(Errno::ENOSPC));
    root.setxattr("/file", "user.a", &[1; 1024 - 46], ANY).unwrap();
    assert_eq!(root.statfs("/").unwrap().ffree, free - 1);
    root.unlink("/file").unwrap();
    assert_eq!(root.statfs("/").unwrap().ffree, free - 1);
    root.close(3).unwrap();
    assert_eq!(root.statfs("/").unwrap().ffree, free + 1);
}

#[test]
fn a_change_moves_ctime_alone() {
    let World { root, .. } = World::new();
    open(&root, "/file");
    let times = || {
        let stat = root.stat("/file").unwrap();
        (stat.mtime, stat.ctime)
    };
    let before = times();
    root.setxattr("/file", "user.a", b"", ANY).unwrap();
    let after = times();
    assert!(after.0 == before.0 && after.1 > before.1);
    assert!(root.setxattr("/file", "user.a", b"", XattrFlags::CREATE).is_err());
    assert_eq!(times(), after);
    root.removexattr("/file", "user.a").unwrap();
    assert!(times().1 > after.1);
}

#[test]
fn capabilities_of_a_program_go_with_a_write_and_with_a_change_of_owner() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"text");
    let name = "security.capability";
    let capability = [&[0, 0, 0, 2][..], &[0; 16]].concat();
    let set = |path| root.setxattr(path, name, &capability, ANY).unwrap();
    set("/file");
    root.write(fd, b"x").unwrap();
    assert_eq!(get(&root, "/file", name), Err(Errno::ENODATA));
    set("/file");
    root.truncate("/file", 1).unwrap();
    assert_eq!(get(&root, "/file", name), Err(Errno::ENODATA));
    set("/file");
    root.chmod("/file", mode(0o755)).unwrap();
    assert_eq!(get(&root, "/file", name), Ok(capability.clone()));
    root.chown("/file", USER, USER).unwrap();
    assert_eq!(get(&root, "/file", name), Err(Errno::ENODATA));
    // A directory keeps them.
    root.mkdir("/dir", mode(0o755)).unwrap();
    set("/dir");
    root.chown("/dir", USER, USER).unwrap();
    assert_eq!(get(&root, "/dir", name), Ok(capability.clone()));
}

#[test]
fn an_access_list_and_the_mode_show_each_other() {
    let World { root, .. } = World::new();
    open(&root, "/file");
    let granted = acl(7, &[(USER, 6)], 4, Some(5), 0);
    root.setxattr("/file", ACCESS, &granted, ANY).unwrap();
    assert_eq!(root.stat("/file").unwrap().mode, 0o100750);
    assert_eq!(get(&root, "/file", ACCESS), Ok(granted));
    assert_eq!(list(&root, "/file"), [ACCESS]);
    root.chmod("/file", mode(0o4462)).unwrap();
    assert_eq!(root.stat("/file").unwrap().mode, 0o104462);
    assert_eq!(get(&root, "/file", ACCESS), Ok(acl(4, &[(USER, 6)], 4, Some(6), 2)));
    // A list of which the mode says all is not kept.
    root.setxattr("/file", ACCESS, &acl(6, &[], 4, None, 4), ANY).unwrap();
    assert_eq!(root.stat("/file").unwrap().mode, 0o104644);
    assert_eq!(get(&root, "/file", ACCESS), Err(Errno::ENODATA));
    root.setxattr("/file", ACCESS, &acl(6, &[(1, 1)], 4, Some(1), 4), ANY).unwrap();
    root.removexattr("/file", ACCESS).unwrap();
    assert_eq!(root.stat("/file").unwrap().mode, 0o104614);
    assert_eq!(list(&root, "/file"), [""; 0]);
    assert_eq!(root.setxattr("/file", DEFAULT, &acl(7, &[], 7, None, 7), ANY), Err(Errno::EACCES));
    assert_eq!(root.setxattr("/file", ACCESS, b"\x02\0\0\0\x01", ANY), Err(Errno::EINVAL));
    assert_eq!(root.setxattr("/file", ACCESS, b"\x03\0\0\0", ANY), Err(Errno::EOPNOTSUPP));
}

#[test]
fn an_access_list_decides() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    open(root, "/file");
    assert_eq!(user.access("/file", Access::WRITE), Err(Errno::EACCES));
    root.setxattr("/file", ACCESS, &acl(6, &[(USER, 6)], 4, Some(6), 0), ANY).unwrap();
    assert_eq!(user.access("/file", Access::READ | Access::WRITE), Ok(()));
    root.chmod("/file", mode(0o640)).unwrap();
    assert_eq!(user.access("/file", Access::WRITE), Err(Errno::EACCES));
    assert_eq!(user.access("/file", Access::READ), Ok(()));
    root.chmod("/file", mode(0o604)).unwrap();
    // Without any bit for the group the list is not asked, and the user is one of the others.
    assert_eq!(user.access("/file", Access::READ), Ok(()));
}

#[test]
fn new_entries_inherit_the_default_list_in_place_of_the_umask() {
    let World { root, .. } = World::new();
    root.mkdir("/dir", mode(0o777)).unwrap();
    let default = acl(7, &[(USER, 7)], 5, Some(7), 5);
    root.setxattr("/dir", DEFAULT, &default, ANY).unwrap();
    root.umask(mode(0o077));
    root.mkdir("/dir/sub", mode(0o770)).unwrap();
    assert_eq!(root.stat("/dir/sub").unwrap().mode, 0o040770);
    assert_eq!(get(&root, "/dir/sub", DEFAULT), Ok(default.clone()));
    assert_eq!(get(&root, "/dir/sub", ACCESS), Ok(acl(7, &[(USER, 7)], 5, Some(7), 0)));
    let fd = root.open("/dir/file", OFlags::CREAT | OFlags::RDWR, mode(0o664)).unwrap();
    assert_eq!(root.fstat(fd).unwrap().mode, 0o100664);
    assert_eq!(get(&root, "/dir/file", ACCESS), Ok(acl(6, &[(USER, 7)], 5, Some(6), 4)));
    assert_eq!(get(&root, "/dir/file", DEFAULT), Err(Errno::ENODATA));
    root.symlink("nowhere", "/dir/link").unwrap();
    assert_eq!(root.llistxattr("/dir/link", &mut []), Ok(0));
    assert_eq!(root.lstat("/dir/link").unwrap().mode, 0o120777);
    // A list that says no more than a mode is inherited as one.
    root.setxattr("/dir", DEFAULT, &acl(7, &[], 5, None, 1), ANY).unwrap();
    root.mkdir("/dir/plain", mode(0o777)).unwrap();
    assert_eq!(root.stat("/dir/plain").unwrap().mode, 0o040751);
    assert_eq!(list(&root, "/dir/plain"), [DEFAULT]);
    root.removexattr("/dir", DEFAULT).unwrap();
    root.mkdir("/dir/masked", mode(0o777)).unwrap();
    assert_eq!(root.stat("/dir/masked").unwrap().mode, 0o040700);
}

#[test]
fn special_files_have_no_user_attributes_and_nameless_pipes_none() {
    let World { root, .. } = World::new();
    root.mkfifo("/fifo", mode(0o644)).unwrap();
    assert_eq!(root.setxattr("/fifo", "user.a", b"", ANY), Err(Errno::EPERM));
    assert_eq!(root.setxattr("/fifo", "trusted.a", b"", ANY), Ok(()));
    let [reader, _] = root.pipe().unwrap();
    assert_eq!(root.fgetxattr(reader, "user.a", &mut []), Err(Errno::ENODATA));
    assert_eq!(root.fgetxattr(reader, "trusted.a", &mut []), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.fsetxattr(reader, "trusted.a", b"", ANY), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.flistxattr(reader, &mut []), Ok(0));
}

#[test]
fn setting_a_list_takes_set_group_id_from_who_is_no_member() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    open(root, "/file");
    root.chown("/file", USER, 0).unwrap();
    root.chmod("/file", mode(0o2745)).unwrap();
    user.setxattr("/file", ACCESS, &acl(7, &[], 4, None, 5), ANY).unwrap();
    assert_eq!(root.stat("/file").unwrap().mode, 0o100745);
}

#[test]
fn readers_see_mode_and_list_of_one_moment() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    open(root, "/file");
    // By either list the user may read; only by half of each not.
    let lists = [acl(6, &[(USER, 4)], 0, Some(4), 0), acl(6, &[], 0, None, 4)];
    root.setxattr("/file", ACCESS, &lists[0], ANY).unwrap();
    let rounds = if cfg!(miri) { 20 } else { 2_000 };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..rounds {
                root.setxattr("/file", ACCESS, &lists[round % 2], ANY).unwrap();
            }
        });
        for _ in 0..rounds {
            assert_eq!(user.access("/file", Access::READ), Ok(()));
        }
    });
}
