//! ACLs against fixed expectations, and against the kernel's tmpfs.

use super::*;

type WireEntry = (u16, u16, u32);

const NOBODY: u32 = UNDEFINED_ID;
const MINIMAL: [WireEntry; 3] = [(1, 7, NOBODY), (4, 5, NOBODY), (0x20, 1, NOBODY)];
const EXTENDED: [WireEntry; 6] =
    [(1, 7, NOBODY), (2, 6, 1000), (4, 5, NOBODY), (8, 3, 2000), (0x10, 6, NOBODY), (0x20, 1, NOBODY)];

fn wire(entries: &[WireEntry]) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perm.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn parse(value: &[u8]) -> Result<Option<Acl>, Errno> {
    RawAcl::parse(value)?.map(RawAcl::validate).transpose()
}

fn acl(entries: &[WireEntry]) -> Acl {
    parse(&wire(entries)).unwrap().unwrap()
}

fn encoded(acl: &Acl) -> Vec<u8> {
    let mut value = vec![0; acl.encoded_len()];
    assert_eq!(acl.encode(&mut value), Ok(value.len()));
    value
}

fn mode(bits: u32) -> Mode {
    Mode::from_raw(bits)
}

#[test]
fn an_acl_survives_encoding_and_decoding() {
    for entries in [&MINIMAL[..], &EXTENDED] {
        assert_eq!(encoded(&acl(entries)), wire(entries));
    }
    assert_eq!(size_of::<Entry>(), 8);
    assert_eq!(acl(&EXTENDED).memory(), 48);
    assert_eq!(acl(&EXTENDED).try_clone().unwrap(), acl(&EXTENDED));
}

#[test]
fn ids_of_entries_that_name_nobody_read_back_as_undefined() {
    let stored = acl(&[(1, 7, 5), (4, 5, 6), (0x10, 7, 7), (0x20, 1, 8)]);
    let read = wire(&[(1, 7, NOBODY), (4, 5, NOBODY), (0x10, 7, NOBODY), (0x20, 1, NOBODY)]);
    assert_eq!(encoded(&stored), read);
}

#[test]
fn a_small_buffer_is_erange_and_an_empty_one_asks_for_the_length() {
    let acl = acl(&EXTENDED);
    assert_eq!(acl.encode(&mut []), Ok(52));
    assert_eq!(acl.encode(&mut [0; 51]), Err(Errno::ERANGE));
    assert_eq!(acl.encode(&mut [0; 60]), Ok(52));
}

#[test]
fn framing_errors() {
    assert_eq!(parse(b""), Ok(None));
    assert_eq!(parse(&wire(&[])), Ok(None));
    assert_eq!(parse(b"\x02\0\0"), Err(Errno::EINVAL));
    assert_eq!(parse(b"\x01\0\0\0"), Err(Errno::EOPNOTSUPP));
    assert_eq!(parse(b"\x01\0\0\0x"), Err(Errno::EOPNOTSUPP));
    assert_eq!(parse(b"\x02\0\0\0x"), Err(Errno::EINVAL));
    assert_eq!(RawAcl::parse(&wire(&[(3, 7, 0)])).map(drop), Err(Errno::EINVAL));
    // Right tags in a wrong order are found by the later check only.
    assert!(RawAcl::parse(&wire(&[(0x20, 15, 0)])).is_ok());
}

#[test]
fn rules_of_a_valid_acl() {
    let invalid: [&[WireEntry]; 10] = [
        &[(1, 7, 0), (4, 5, 0)],
        &[(4, 5, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (1, 7, 0), (4, 5, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (4, 5, 0), (2, 6, 9), (0x10, 7, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (2, 6, 9), (4, 5, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (4, 5, 0), (8, 6, 9), (0x20, 1, 0)],
        &[(1, 7, 0), (2, 6, NOBODY), (4, 5, 0), (0x10, 7, 0), (0x20, 1, 0)],
        &[(1, 15, 0), (4, 5, 0), (0x20, 1, 0)],
        &[(1, 7, 0), (4, 5, 0), (0x20, 1, 0), (0x20, 1, 0)],
    ];
    for entries in invalid {
        assert_eq!(parse(&wire(entries)), Err(Errno::EINVAL), "{entries:?}");
    }
    let doubled = [
        (1, 7, NOBODY),
        (2, 6, 9),
        (2, 4, 9),
        (2, 0, 3),
        (4, 5, NOBODY),
        (0x10, 7, NOBODY),
        (0x20, 1, NOBODY),
    ];
    assert_eq!(encoded(&acl(&doubled)), wire(&doubled));
}

#[test]
fn modes_and_minimal_acls_say_the_same() {
    let minimal = Acl::from_mode(mode(0o4751)).unwrap();
    assert_eq!(minimal, acl(&MINIMAL));
    assert_eq!(minimal.equiv_mode(mode(0o6000)), (mode(0o6751), true));
    assert_eq!(acl(&EXTENDED).equiv_mode(mode(0o1000)), (mode(0o1761), false));
    assert_eq!(update_mode(Some(&minimal), mode(0o2000), false), (mode(0o751), false));
    assert_eq!(update_mode(Some(&acl(&EXTENDED)), mode(0o1000), true), (mode(0o1761), true));
    assert_eq!(update_mode(None, mode(0o2644), true), (mode(0o2644), false));
    assert_eq!(update_mode(None, mode(0o2644), false), (mode(0o644), false));
}

#[test]
fn the_first_matching_entry_decides_and_the_mask_limits_it() {
    let acl = acl(&EXTENDED);
    let ask = |uid, groups: &[u32], want| acl.permission(uid, 1, 1, |gid| groups.contains(&gid), want);
    assert_eq!(ask(1, &[], Access::READ | Access::WRITE | Access::EXEC), Ok(()));
    assert_eq!(ask(1000, &[], Access::READ | Access::WRITE), Ok(()));
    assert_eq!(ask(1000, &[1], Access::EXEC), Err(Errno::EACCES));
    // The owning group grants read, the named one write, neither both, and other's right to execute is out of reach.
    assert_eq!(ask(9, &[1, 2000], Access::READ), Ok(()));
    assert_eq!(ask(9, &[1, 2000], Access::WRITE), Ok(()));
    assert_eq!(ask(9, &[1, 2000], Access::READ | Access::WRITE), Err(Errno::EACCES));
    assert_eq!(ask(9, &[1], Access::EXEC), Err(Errno::EACCES));
    assert_eq!(ask(9, &[], Access::EXEC), Ok(()));
    assert_eq!(ask(9, &[], Access::READ), Err(Errno::EACCES));
}

#[test]
fn who_may_set_and_get() {
    use AclKind::{Access, Default};
    assert_eq!(check_set(Access, false, FileType::Symlink, true), Err(Errno::EOPNOTSUPP));
    assert_eq!(check_set(Default, false, FileType::Fifo, true), Err(Errno::EACCES));
    assert_eq!(check_set(Default, true, FileType::Regular, false), Ok(false));
    assert_eq!(check_set(Default, true, FileType::Directory, false), Err(Errno::EPERM));
    assert_eq!(check_set(Access, true, FileType::Regular, true), Ok(true));
    assert_eq!(check_get(FileType::Symlink), Err(Errno::EOPNOTSUPP));
    assert_eq!(check_get(FileType::Socket), Ok(()));
    for kind in [Access, Default] {
        assert_eq!(AclKind::of_name(kind.name()), Some(kind));
    }
    assert_eq!(AclKind::of_name(b"system.posix_acl_accesses"), None);
}

#[cfg(target_os = "linux")]
mod against_the_kernel {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::path::Path;

    use super::*;
    use crate::inode::scratch_tmpfs::{self as host, Numbers};

    /// The few ids that ACLs, files and callers of these tests have.
    const IDS: u32 = 5;

    fn valid(numbers: &mut Numbers) -> Vec<WireEntry> {
        let mut entries = vec![(1, numbers.below(8) as u16, NOBODY)];
        let (users, groups) = (numbers.below(3), numbers.below(3));
        let mut named = |tag, count, entries: &mut Vec<WireEntry>| {
            for _ in 0..count {
                entries.push((tag, numbers.below(8) as u16, numbers.below(IDS)));
            }
        };
        named(2, users, &mut entries);
        named(4, 1, &mut entries);
        named(8, groups, &mut entries);
        if users + groups > 0 || numbers.one_in(2) {
            entries.push((0x10, numbers.below(8) as u16, NOBODY));
        }
        entries.push((0x20, numbers.below(8) as u16, NOBODY));
        entries
    }

    /// A value of which about half are valid.
    fn value(numbers: &mut Numbers) -> Vec<u8> {
        let mut entries = valid(numbers);
        match numbers.below(12) {
            0 => {
                let last = entries.len() as u32 - 1;
                entries.remove(numbers.below(last) as usize);
            }
            1 => {
                let len = entries.len() as u32;
                entries.swap(numbers.below(len) as usize, numbers.below(len) as usize);
            }
            2 => entries[0].1 = 8 << numbers.below(8),
            3 => entries[1].0 = numbers.below(0x41) as u16,
            4 => entries[1].2 = NOBODY,
            5 => entries.clear(),
            _ => {}
        }
        let mut bytes = wire(&entries);
        match numbers.below(12) {
            0 => bytes.truncate(numbers.below(bytes.len() as u32) as usize),
            1 => bytes[0] = numbers.below(4) as u8,
            _ => {}
        }
        bytes
    }

    fn mode_of(path: &Path) -> Mode {
        mode(path.symlink_metadata().unwrap().mode())
    }

    fn chmod(path: &Path, mode: Mode) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode.bits())).unwrap();
    }

    fn stored(path: &Path, kind: AclKind) -> Option<Vec<u8>> {
        let mut value = vec![0; 4096];
        match host::get(path, kind.name(), &mut value) {
            Ok(len) => {
                value.truncate(len);
                Some(value)
            }
            Err(errno) => {
                assert_eq!(errno, Errno::ENODATA);
                None
            }
        }
    }

    #[test]
    fn setting_an_acl_and_chmod() {
        host::run("", |root| {
            let mut numbers = Numbers(1);
            let path = root.join("file");
            host::create(&path, 0o600);
            for round in 0..400 {
                // An owner in and out of the file's group: the latter loses the set-group-id bit.
                let (uid, gid) = (numbers.below(2), numbers.below(2));
                host::become_user(0, 0, &[]);
                chown(&path, Some(uid), Some(gid)).unwrap();
                let before = mode(numbers.below(0o10000));
                chmod(&path, before);
                host::remove(&path, ACCESS_NAME).unwrap();
                assert_eq!(mode_of(&path), before);
                host::become_user(uid, 0, &[]);
                let keeps_set_gid = uid == 0 || gid == 0;

                let value = value(&mut numbers);
                let ours = parse(&value);
                assert_eq!(host::set(&path, ACCESS_NAME, &value, 0), ours.as_ref().map(drop).map_err(|e| *e));
                let Ok(acl) = ours else { continue };
                let (now, stores) = update_mode(acl.as_ref(), before, keeps_set_gid);
                let acl = acl.filter(|_| stores);
                assert_eq!(mode_of(&path), now, "round {round}: {value:?}");
                assert_eq!(
                    stored(&path, AclKind::Access),
                    acl.as_ref().map(encoded),
                    "round {round}: {value:?}"
                );

                let wanted = mode(numbers.below(0o1000));
                chmod(&path, wanted);
                let acl = acl.map(|acl| acl.chmod(wanted).unwrap());
                let (now, stores) = update_mode(acl.as_ref(), wanted, keeps_set_gid);
                let acl = acl.filter(|_| stores);
                assert_eq!(mode_of(&path), now, "round {round}: {value:?} chmod {wanted:?}");
                assert_eq!(stored(&path, AclKind::Access), acl.as_ref().map(encoded));
            }
        });
    }

    #[test]
    fn inheriting_a_default_acl() {
        host::run("", |root| {
            let mut numbers = Numbers(2);
            let parent = root.join("parent");
            host::mkdir(&parent, 0o755);
            let child = parent.join("child");
            for round in 0..300 {
                let entries = valid(&mut numbers);
                let value = wire(&entries);
                host::set(&parent, DEFAULT_NAME, &value, 0).unwrap();
                host::umask(numbers.below(0o1000));
                let asked = numbers.below(0o1000);
                let kind = [
                    FileType::Regular,
                    FileType::Directory,
                    FileType::Fifo,
                    FileType::CharDevice,
                    FileType::Socket,
                ][numbers.below(5) as usize];
                match kind {
                    FileType::Regular => host::create(&child, asked),
                    FileType::Directory => host::mkdir(&child, asked),
                    _ => host::mknod(&child, kind.with(mode(asked))),
                }
                let (now, access) = acl(&entries).inherit(mode(asked)).unwrap();
                assert_eq!(mode_of(&child), now, "round {round}: {entries:?} mode {asked:o}");
                assert_eq!(stored(&child, AclKind::Access), access.as_ref().map(encoded), "round {round}");
                if kind == FileType::Directory {
                    // As the parent's reads back, with undefined ids.
                    assert_eq!(stored(&child, AclKind::Default), Some(encoded(&acl(&entries))));
                    std::fs::remove_dir(&child).unwrap();
                } else {
                    assert_eq!(stored(&child, AclKind::Default), None);
                    std::fs::remove_file(&child).unwrap();
                }
            }
        });
    }

    #[test]
    fn access_that_an_acl_grants() {
        host::run("", |root| {
            let mut numbers = Numbers(3);
            let path = root.join("file");
            host::create(&path, 0o600);
            for round in 0..300 {
                host::become_user(0, 0, &[]);
                let (owner, group) = (1 + numbers.below(IDS - 1), numbers.below(IDS));
                chown(&path, Some(owner), Some(group)).unwrap();
                let entries = valid(&mut numbers);
                host::set(&path, ACCESS_NAME, &wire(&entries), 0).unwrap();
                let acl = acl(&entries);
                let (now, stores) = update_mode(Some(&acl), mode(0), true);
                if !stores {
                    continue;
                }

                let (uid, gid) = (1 + numbers.below(IDS - 1), numbers.below(IDS));
                let groups: Vec<u32> = (0..numbers.below(3)).map(|_| numbers.below(IDS)).collect();
                host::become_user(uid, gid, &groups);
                // acl_permission_check passes the ACL by for the owner, and where the mode has no group bit.
                if uid != owner && now.intersection(Mode::RWXG).is_empty() {
                    continue;
                }
                for want in 1..8 {
                    let in_group = |id| id == gid || groups.contains(&id);
                    let ours = acl.permission(uid, owner, group, in_group, Access::from_bits_retain(want));
                    assert_eq!(
                        host::access(&path, want),
                        ours,
                        "round {round}: {uid} {gid} {groups:?} wants {want} of {owner} {group} {entries:?}"
                    );
                }
            }
        });
    }
}
