//! Extended attributes against fixed expectations, and against the kernel's tmpfs.

use std::cell::Cell;

use super::*;

/// An account of so many bytes.
struct Budget(Cell<u64>);

impl XattrSpace for Budget {
    fn charge(&self, bytes: u64) -> Result<(), Errno> {
        let left = self.0.get().checked_sub(bytes).ok_or(Errno::ENOSPC)?;
        self.0.set(left);
        Ok(())
    }

    fn refund(&self, bytes: u64) {
        self.0.set(self.0.get() + bytes);
    }
}

fn budget(bytes: u64) -> Budget {
    Budget(Cell::new(bytes))
}

const ANY: XattrFlags = XattrFlags::empty();
const CAPABILITY_2: &[u8] = b"\x01\0\0\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const CAPABILITY_3: &[u8] = b"\x01\0\0\x03\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const CAPABILITY_3_OF_OTHER_ROOT: &[u8] = b"\x01\0\0\x03\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0";

#[test]
fn arguments_are_checked_flags_first() {
    let name = [b'n'; 256];
    let unknown = XattrFlags::from_bits_retain(4);
    assert_eq!(check_set(b"", 65537, unknown), Err(Errno::EINVAL));
    assert_eq!(check_set(b"", 65537, ANY), Err(Errno::ERANGE));
    assert_eq!(check_set(&name, 65537, ANY), Err(Errno::ERANGE));
    assert_eq!(check_set(&name[..255], 65537, ANY), Err(Errno::E2BIG));
    assert_eq!(check_set(&name[..255], 65536, XattrFlags::CREATE | XattrFlags::REPLACE), Ok(()));
}

#[test]
fn set_get_replace_and_remove() {
    let space = budget(10_000);
    let mut attrs = Xattrs::new();
    assert_eq!(attrs.set(b"user.b", b"old", XattrFlags::REPLACE, &space), Err(Errno::ENODATA));
    assert_eq!(attrs.set(b"user.b", b"old", XattrFlags::CREATE, &space), Ok(()));
    assert_eq!(attrs.set(b"user.b", b"new", XattrFlags::CREATE, &space), Err(Errno::EEXIST));
    assert_eq!(attrs.set(b"user.b", b"newer", ANY, &space), Ok(()));
    assert_eq!(attrs.set(b"user.a", b"", ANY, &space), Ok(()));
    let mut buffer = [0; 8];
    assert_eq!(attrs.get(b"user.b", &mut buffer), Ok(5));
    assert_eq!(&buffer[..5], b"newer");
    assert_eq!(attrs.get(b"user.b", &mut []), Ok(5));
    assert_eq!(attrs.get(b"user.b", &mut [0; 4]), Err(Errno::ERANGE));
    assert_eq!(attrs.get(b"user.a", &mut [0; 1]), Ok(0));
    assert_eq!(attrs.get(b"user.c", &mut []), Err(Errno::ENODATA));
    assert_eq!(attrs.charged(), 10_000 - space.0.get());
    assert_eq!(attrs.charged(), 2 * 46 + 5);
    assert_eq!(attrs.remove(b"user.b", &space), Ok(()));
    assert_eq!(attrs.remove(b"user.b", &space), Err(Errno::ENODATA));
    assert_eq!(attrs.remove(b"user.a", &space), Ok(()));
    assert!(attrs.is_empty());
    assert_eq!(space.0.get(), 10_000);
}

#[test]
fn a_full_account_changes_nothing_and_hides_other_errors() {
    let space = budget(100);
    let mut attrs = Xattrs::new();
    attrs.set(b"user.a", &[b'v'; 54], ANY, &space).unwrap();
    assert_eq!(attrs.set(b"user.a", b"", ANY, &space), Err(Errno::ENOSPC));
    assert_eq!(attrs.set(b"user.a", b"", XattrFlags::CREATE, &space), Err(Errno::ENOSPC));
    assert_eq!(attrs.get(b"user.a", &mut []), Ok(54));
    assert_eq!(space.0.get(), 0);
}

#[test]
fn the_list_has_acls_first_and_hides_trusted_names() {
    let space = budget(u64::MAX);
    let mut attrs = Xattrs::new();
    for name in [&b"user.a"[..], b"trusted.t", b"security.s", b"user.B"] {
        attrs.set(name, b"", ANY, &space).unwrap();
    }
    let acls = [&b"system.posix_acl_access"[..]];
    let mut buffer = [b'x'; 100];
    let len = attrs.list(acls, true, &mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"system.posix_acl_access\0user.a\0user.B\0trusted.t\0security.s\0");
    assert_eq!(attrs.list(acls, true, &mut []), Ok(len));
    assert_eq!(attrs.list(acls, true, &mut buffer[..len]), Ok(len));
    assert_eq!(attrs.list(acls, true, &mut buffer[..len - 1]), Err(Errno::ERANGE));
    let len = attrs.list([], false, &mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"user.a\0user.B\0security.s\0");
}

#[test]
fn a_list_over_64_kib_can_be_measured_but_not_read() {
    let space = budget(u64::MAX);
    let mut attrs = Xattrs::new();
    for i in 0..300 {
        attrs.set(format!("user.{i:0250}").as_bytes(), b"", ANY, &space).unwrap();
    }
    assert_eq!(attrs.list([], true, &mut []), Ok(300 * 256));
    assert_eq!(attrs.list([], true, &mut vec![0; 65535]), Err(Errno::ERANGE));
    assert_eq!(attrs.list([], true, &mut vec![0; 65536]), Err(Errno::E2BIG));
    assert_eq!(attrs.list([], true, &mut vec![0; 100_000]), Err(Errno::E2BIG));
}

#[test]
fn capabilities_read_as_revision_2_where_that_says_the_same() {
    let space = budget(u64::MAX);
    let mut attrs = Xattrs::new();
    let mut read = |stored: &[u8]| {
        attrs.set(CAPABILITY_NAME, stored, ANY, &space)?;
        let mut buffer = vec![0; attrs.get(CAPABILITY_NAME, &mut [])?];
        attrs.get(CAPABILITY_NAME, &mut buffer)?;
        Ok(buffer)
    };
    assert_eq!(read(CAPABILITY_2), Ok(CAPABILITY_2.to_vec()));
    assert_eq!(read(CAPABILITY_3), Ok(CAPABILITY_2.to_vec()));
    assert_eq!(read(CAPABILITY_3_OF_OTHER_ROOT), Ok(CAPABILITY_3_OF_OTHER_ROOT.to_vec()));
    assert_eq!(read(b""), Err(Errno::EINVAL));
}

#[cfg(target_os = "linux")]
mod against_the_kernel {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::inode::acl::{self, Acl, AclKind, RawAcl};
    use crate::inode::scratch_tmpfs::{self as host, Numbers};

    /// One file, on tmpfs and as these modules see it.
    struct File {
        path: PathBuf,
        kind: FileType,
        mode: Mode,
        owner: u32,
        attrs: Xattrs,
        access: Option<Acl>,
        default: Option<Acl>,
    }

    #[derive(Clone, Copy, Debug)]
    struct Caller {
        uid: u32,
        /// Over files: DAC_OVERRIDE, FOWNER, FSETID.
        file_capable: bool,
        sys_admin: bool,
    }

    const CALLERS: [Caller; 4] = [
        Caller { uid: 0, file_capable: true, sys_admin: true },
        Caller { uid: 0, file_capable: false, sys_admin: false },
        Caller { uid: 1000, file_capable: false, sys_admin: true },
        Caller { uid: 1000, file_capable: false, sys_admin: false },
    ];

    impl Caller {
        fn enter(self) {
            host::restore_capabilities();
            host::become_user(self.uid, self.uid, &[]);
            if !self.sys_admin {
                host::drop_capabilities();
            }
        }

        fn owns(self, file: &File) -> bool {
            self.uid == file.owner || self.file_capable
        }

        /// `inode_permission`; files here have their owner's number for a group.
        fn permission(self, file: &File, want: Access) -> Result<(), Errno> {
            let bits = file.mode.bits();
            let class = if self.uid == file.owner {
                bits >> 6
            } else if let Some(acl) = file.access.as_ref().filter(|_| bits & 0o70 != 0) {
                let granted = acl.permission(self.uid, file.owner, file.owner, |gid| gid == self.uid, want);
                return granted.or(if self.file_capable { Ok(()) } else { Err(Errno::EACCES) });
            } else {
                bits
            };
            if self.file_capable || want.bits() & !class == 0 { Ok(()) } else { Err(Errno::EACCES) }
        }
    }

    impl File {
        fn facts(&self, caller: Caller) -> Facts {
            Facts {
                file: self.kind,
                mode: self.mode,
                fixed: false,
                owner_or_capable: caller.owns(self),
                sys_admin: caller.sys_admin,
                setfcap: caller.sys_admin,
            }
        }

        fn set_acl(&mut self, caller: Caller, kind: AclKind, value: &[u8]) -> Result<(), Errno> {
            let raw = RawAcl::parse(value)?;
            if !acl::check_set(kind, raw.is_none(), self.kind, caller.owns(self))? {
                return Ok(());
            }
            let acl = raw.map(RawAcl::validate).transpose()?;
            match kind {
                AclKind::Access => {
                    let keeps_set_gid = caller.file_capable || caller.uid == self.owner;
                    let (mode, stores) = acl::update_mode(acl.as_ref(), self.mode, keeps_set_gid);
                    (self.mode, self.access) = (mode, acl.filter(|_| stores));
                }
                AclKind::Default => self.default = acl,
            }
            Ok(())
        }

        fn set(
            &mut self,
            caller: Caller,
            name: &[u8],
            value: &[u8],
            flags: XattrFlags,
            space: &Budget,
        ) -> Result<(), Errno> {
            check_set(name, value.len(), flags)?;
            if let Some(kind) = AclKind::of_name(name) {
                return self.set_acl(caller, kind, value);
            }
            may_set(name, value, &self.facts(caller), |want| caller.permission(self, want))?;
            self.attrs.set(name, value, flags, space)
        }

        fn get(&self, caller: Caller, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
            check_name(name)?;
            if let Some(kind) = AclKind::of_name(name) {
                acl::check_get(self.kind)?;
                let acl = if kind == AclKind::Access { &self.access } else { &self.default };
                return acl.as_ref().ok_or(Errno::ENODATA)?.encode(buffer);
            }
            may_get(name, &self.facts(caller), |want| caller.permission(self, want))?;
            self.attrs.get(name, buffer)
        }

        fn remove(&mut self, caller: Caller, name: &[u8], space: &Budget) -> Result<(), Errno> {
            check_name(name)?;
            if let Some(kind) = AclKind::of_name(name) {
                return self.set_acl(caller, kind, b"");
            }
            may_remove(name, &self.facts(caller), |want| caller.permission(self, want))?;
            self.attrs.remove(name, space)
        }

        fn list(&self, caller: Caller, buffer: &mut [u8]) -> Result<usize, Errno> {
            let access = self.access.as_ref().map(|_| AclKind::Access.name());
            let default = self.default.as_ref().map(|_| AclKind::Default.name());
            self.attrs.list(access.into_iter().chain(default), caller.sys_admin, buffer)
        }
    }

    fn make(root: &Path, kind: FileType, mode: u32, owner: u32) -> File {
        let path = root.join(format!("{kind:?}-{mode:o}-{owner}"));
        match kind {
            FileType::Directory => host::mkdir(&path, 0),
            FileType::Symlink => symlink("nowhere", &path).unwrap(),
            _ => host::mknod(&path, kind.mode_bits()),
        }
        std::os::unix::fs::lchown(&path, Some(owner), Some(owner)).unwrap();
        if kind != FileType::Symlink {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let mode = Mode::from_raw(mode);
        File { path, kind, mode, owner, attrs: Xattrs::new(), access: None, default: None }
    }

    /// One file for each rule that asks what a file is; each with its inode charged.
    fn files(root: &Path) -> Vec<File> {
        [
            (FileType::Regular, 0o600, 0),
            (FileType::Regular, 0o444, 0),
            (FileType::Regular, 0o642, 1000),
            (FileType::Directory, 0o755, 0),
            (FileType::Directory, 0o1777, 0),
            (FileType::Directory, 0o1777, 1000),
            (FileType::Symlink, 0o777, 0),
            (FileType::Fifo, 0o666, 0),
            (FileType::CharDevice, 0o666, 1000),
            (FileType::Socket, 0o666, 0),
        ]
        .into_iter()
        .map(|(kind, mode, owner)| make(root, kind, mode, owner))
        .collect()
    }

    /// Linux before 6.6 has no `user.` attributes on tmpfs, and no account for the others.
    fn kernel_is_too_old(root: &Path) -> bool {
        let old = host::set(root, b"user.probe", b"", 0) == Err(Errno::EOPNOTSUPP);
        if old {
            eprintln!("skipped: this kernel's tmpfs has no user attributes");
        } else {
            host::remove(root, b"user.probe").unwrap();
        }
        old
    }

    const NAMES: [&[u8]; 20] = [
        b"user.a",
        b"user.b",
        b"user.c",
        b"user.",
        b"user",
        b"trusted.a",
        b"trusted.b",
        b"trusted.",
        b"security.a",
        b"security.b",
        b"security.",
        b"security.capability",
        b"security.capability2",
        b"system.posix_acl_access",
        b"system.posix_acl_default",
        b"system.posix_acl_other",
        b"system.a",
        b"nothing.a",
        b"",
        &[b'n'; 256],
    ];

    const ACL_VALUES: [&[u8]; 4] = [
        b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff",
        b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\
          \x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff",
        b"\x02\0\0\0\x01\0\x0f\0\xff\xff\xff\xff",
        b"\x02\0\0\0",
    ];

    fn value(numbers: &mut Numbers, name: &[u8]) -> Vec<u8> {
        let usual = [&b""[..], b"v", &[b'w'; 100], &[b'x'; 3000]];
        let capabilities = [CAPABILITY_2, CAPABILITY_3, CAPABILITY_3_OF_OTHER_ROOT, b"\x03\0\0\x02"];
        let from = match name {
            CAPABILITY_NAME => &capabilities,
            _ if AclKind::of_name(name).is_some() => &ACL_VALUES,
            _ => &usual,
        };
        (if numbers.one_in(6) { numbers.pick(&usual) } else { numbers.pick(from) }).to_vec()
    }

    fn sorted_names(list: &[u8]) -> Vec<&[u8]> {
        let mut names: Vec<&[u8]> = list.split(|byte| *byte == 0).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn random_calls_by_different_callers() {
        // Ten files and the root; and room for attributes that becomes too little now and then.
        let (inodes, spare) = (16, 5);
        host::run(&format!("nr_inodes={inodes}"), |root| {
            if kernel_is_too_old(root) {
                return;
            }
            host::umask(0);
            let mut files = files(root);
            chown(root, Some(0), Some(0)).unwrap();
            let space = budget(1024 * spare);
            let mut numbers = Numbers(4);
            let (mut ours, mut theirs) = (vec![0; 5000], vec![0; 5000]);
            for step in 0..6000 {
                let caller = CALLERS[numbers.below(4) as usize];
                let which = numbers.below(files.len() as u32) as usize;
                let file = &mut files[which];
                let name = numbers.pick(&NAMES);
                let size = if numbers.one_in(4) { numbers.below(120) as usize } else { 5000 };
                caller.enter();
                let told = format!(
                    "step {step}: {caller:?}, {}, {:?}",
                    file.path.display(),
                    String::from_utf8_lossy(name)
                );
                match numbers.below(8) {
                    0..4 => {
                        let value = value(&mut numbers, name);
                        let flags = if numbers.one_in(3) { numbers.below(5) } else { 0 };
                        let host = host::set(&file.path, name, &value, flags);
                        let flags = XattrFlags::from_bits_retain(flags);
                        assert_eq!(
                            file.set(caller, name, &value, flags, &space),
                            host,
                            "{told} {value:?} {flags:?}"
                        );
                    }
                    4..6 => {
                        let host = host::get(&file.path, name, &mut theirs[..size]);
                        assert_eq!(file.get(caller, name, &mut ours[..size]), host, "get, {told}");
                        if let Ok(len) = host {
                            assert_eq!(ours[..len.min(size)], theirs[..len.min(size)], "get, {told}");
                        }
                    }
                    6 => {
                        let host = host::remove(&file.path, name);
                        assert_eq!(file.remove(caller, name, &space), host, "remove, {told}");
                    }
                    _ => {
                        let host = host::list(&file.path, &mut theirs[..size]);
                        assert_eq!(file.list(caller, &mut ours[..size]), host, "list, {told}");
                        if let Ok(len) = host {
                            let len = len.min(size);
                            // Their order is no promise: it has changed twice.
                            assert_eq!(sorted_names(&ours[..len]), sorted_names(&theirs[..len]), "{told}");
                        }
                    }
                }
            }
            let charged: u64 = files.iter().map(|file| file.attrs.charged()).sum();
            assert_eq!(charged + space.0.get(), 1024 * spare);
        });
    }

    #[test]
    fn a_full_tmpfs_refuses_at_the_same_byte() {
        // The root and the file take one each.
        host::run("nr_inodes=6", |root| {
            if kernel_is_too_old(root) {
                return;
            }
            let mut file = make(root, FileType::Regular, 0o600, 0);
            let space = budget(4 * 1024);
            let mut refused = 0;
            for i in 0..200_u32 {
                let name = format!("user.{}", i % 17);
                let value = vec![b'v'; (i * 37 % 500) as usize];
                let host = host::set(&file.path, name.as_bytes(), &value, 0);
                assert_eq!(file.set(CALLERS[0], name.as_bytes(), &value, ANY, &space), host, "{i}");
                refused += u32::from(host == Err(Errno::ENOSPC));
            }
            assert!(refused > 0);
        });
    }
}
