//! Attributes: modes, owners, times, access lists, extended attributes, statfs.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use rustix::fs::{AtFlags, CWD, StatxFlags, Timespec, Timestamps, XattrFlags, utimensat};

use crate::fixture::{Mount, as_on_tmpfs};

#[test]
fn modes_and_owners_change() {
    as_on_tmpfs(|dir| {
        let path = dir.join("f");
        fs::write(&path, "").unwrap();
        let seen = || path.metadata().map(|data| (data.mode(), data.uid(), data.gid())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o6751)).unwrap();
        let set = seen();
        chown(&path, Some(1234), Some(99)).unwrap();
        let owned = seen();
        fs::set_permissions(&path, Permissions::from_mode(0o2640)).unwrap();
        chown(&path, None, Some(7)).unwrap();
        (set, owned, seen())
    });
}

#[test]
fn times_are_kept_to_the_nanosecond() {
    as_on_tmpfs(|dir| {
        let file = dir.join("f");
        fs::write(&file, "x").unwrap();
        fs::create_dir(dir.join("d")).unwrap();
        let mut seen = Vec::new();
        for path in [file, dir.join("d")] {
            let times = [(0, 1), (1, 999_999_999), (-1, 300_000_000), (-2, 0), (1 << 40, 5), (-(1 << 40), 5)];
            let ends = [(i64::MIN, 0), (i64::MIN, 5), (i64::MIN + 1, 5), (i64::MAX, 0), (i64::MAX, 5)];
            for (sec, nsec) in times.into_iter().chain(ends) {
                let time = Timespec { tv_sec: sec, tv_nsec: nsec };
                let times = Timestamps { last_access: time, last_modification: time };
                utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
                let data = path.metadata().unwrap();
                seen.push((data.atime(), data.atime_nsec(), data.mtime(), data.mtime_nsec()));
            }
        }
        seen
    });
}

/// The kernel keeps times of files that it writes itself; nothing may be lost when it forgets the file.
#[test]
fn times_survive_the_kernels_caches() {
    let mount = Mount::new();
    let path = mount.at("f");
    fs::write(&path, "text").unwrap();
    let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
    let before = path.metadata().unwrap();
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
    let after = path.metadata().unwrap();
    let all = |data: &fs::Metadata| {
        [data.atime(), data.atime_nsec(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()]
    };
    assert_eq!(all(&before), all(&after));
    assert_eq!((after.mtime(), after.mtime_nsec()), (1_000_000_000, 123_456_789));
}

#[test]
fn others_are_kept_out() {
    as_on_tmpfs(|dir| {
        fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.join("secret"), "x").unwrap();
        fs::set_permissions(dir.join("secret"), Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(dir.join("open")).unwrap();
        fs::set_permissions(dir.join("open"), Permissions::from_mode(0o1777)).unwrap();
        fs::write(dir.join("open/roots"), "x").unwrap();
        let as_nobody = |script: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script]);
            command.current_dir(dir).output().unwrap().status.code()
        };
        (
            as_nobody("cat secret"),
            as_nobody("rm -f open/roots"),
            as_nobody("echo > open/mine && rm open/mine"),
            as_nobody("echo > here"),
            as_nobody("test -w secret"),
        )
    });
}

#[test]
fn writing_takes_set_id_bits() {
    as_on_tmpfs(|dir| {
        fs::set_permissions(dir, Permissions::from_mode(0o777)).unwrap();
        let path = dir.join("f");
        let mut seen = Vec::new();
        for script in ["echo more >> f", ": > f", "truncate -s 1 f", "chgrp 65534 f", "chmod u+s f"] {
            for mode in [0o6777, 0o2767, 0o4666] {
                let _ = fs::remove_file(&path);
                fs::write(&path, "text").unwrap();
                chown(&path, Some(65534), Some(65534)).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script]);
                let status = command.current_dir(dir).output().unwrap().status.code();
                seen.push((script, mode, status, path.metadata().unwrap().mode()));
            }
        }
        seen
    });
}

/// The kernel leaves it to the file system, which has to know all groups of who asks.
#[test]
fn a_new_access_list_takes_set_group_id_from_strangers() {
    as_on_tmpfs(|dir| {
        fs::set_permissions(dir, Permissions::from_mode(0o777)).unwrap();
        let path = dir.join("f");
        [&["--clear-groups"][..], &["--groups=55"], &["--groups=55,77"]].map(|groups| {
            let _ = fs::remove_file(&path);
            fs::write(&path, "").unwrap();
            chown(&path, Some(65534), Some(77)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o2755)).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534"]).args(groups);
            command.args(["setfacl", "-m", "u:1234:r", "f"]);
            let output = command.current_dir(dir).output().unwrap();
            (output.status.code(), path.metadata().unwrap().mode())
        })
    });
}

#[test]
fn a_umask_yields_to_a_default_acl() {
    as_on_tmpfs(|dir| {
        let run = |script: &str| {
            let output = Command::new("sh").args(["-c", script]).current_dir(dir).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        [
            run("umask 027; mkdir plain; touch plain/f; stat -c %a plain plain/f"),
            run("mkdir d && setfacl -d -m u:1234:rwx,g::rx,o::r d && getfacl -cp d"),
            run("umask 077; touch d/f; mkdir d/d; stat -c %a d/f d/d; getfacl -cp d/f d/d"),
            run("setfacl -m u:65534:r d/f && chmod 640 d/f && getfacl -cp d/f"),
            run("chmod 755 . d; setpriv --reuid=65534 --regid=65534 --clear-groups cat d/f"),
            run("setfacl -b d/f; getfacl -cp d/f"),
        ]
    });
}

#[test]
fn extended_attributes() {
    as_on_tmpfs(|dir| {
        let path = dir.join("f");
        fs::write(&path, "").unwrap();
        let set = |name: &str, value: &[u8], flags| rustix::fs::setxattr(&path, name, value, flags);
        let get = |name: &str, size: usize| {
            let mut value = vec![0; size];
            let length = rustix::fs::getxattr(&path, name, &mut value[..])?;
            value.truncate(length);
            Ok::<_, rustix::io::Errno>((length, value))
        };
        let results = [
            set("user.a", b"one", XattrFlags::empty()),
            set("user.a", b"two", XattrFlags::CREATE),
            set("user.b", b"two", XattrFlags::REPLACE),
            set("trusted.t", b"", XattrFlags::CREATE),
            set("security.s", &[0; 1000], XattrFlags::empty()),
            set("nonsense", b"x", XattrFlags::empty()),
            set("user.", b"x", XattrFlags::empty()),
        ];
        let mut names = vec![0; 1000];
        let length = rustix::fs::listxattr(&path, &mut names).unwrap();
        let mut names: Vec<_> = names[..length].split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
        names.sort();
        let got = [
            get("user.a", 100),
            get("user.a", 2),
            get("user.a", 0),
            get("user.c", 9),
            get("security.s", 1000),
        ];
        let removed = [rustix::fs::removexattr(&path, "user.a"), rustix::fs::removexattr(&path, "user.a")];
        (results, names, got, removed)
    });
}

#[test]
fn a_full_file_system_says_so() {
    let fs = imfs::Imfs::builder().size(64 << 12).inodes(20).build().unwrap();
    let mount = Mount::with(fs, &imfs_fuse::Options::default());
    let data = rustix::fs::statfs(mount.path()).unwrap();
    assert_eq!((data.f_blocks, data.f_bsize, data.f_namelen), (64, 4096, 255));
    assert_eq!((data.f_files, data.f_ffree), (20, 19));
    let made = (0..).map_while(|number| File::create(mount.at(&format!("f{number}"))).ok()).count();
    assert_eq!(made, 19);
    let refused = fs::create_dir(mount.at("d")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENOSPC));
}

/// FUSE has room for both, but `fuser` has not: the documentation says so. Nothing else may suffer from the questions.
#[test]
fn there_are_no_birth_times_and_no_nameless_files() {
    let mount = Mount::new();
    fs::write(mount.at("f"), "text").unwrap();
    let stat = rustix::fs::statx(CWD, mount.at("f"), AtFlags::empty(), StatxFlags::BTIME).unwrap();
    assert_eq!(stat.stx_mask & StatxFlags::BTIME.bits(), 0);
    let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::RDWR;
    let nameless = rustix::fs::open(mount.path(), flags, rustix::fs::Mode::RWXU).unwrap_err();
    assert_eq!(nameless, rustix::io::Errno::OPNOTSUPP);
    assert_eq!(fs::read_to_string(mount.at("f")).unwrap(), "text");
}

#[test]
fn a_read_only_remount() {
    let mount = Mount::new();
    fs::write(mount.at("f"), "x").unwrap();
    remount(mount.path(), libc::MS_RDONLY);
    let refused = fs::write(mount.at("g"), "x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EROFS));
    assert_eq!(fs::read_to_string(mount.at("f")).unwrap(), "x");
    remount(mount.path(), 0);
    fs::write(mount.at("g"), "x").unwrap();
}

fn remount(path: &Path, flags: libc::c_ulong) {
    let read_only = if flags & libc::MS_RDONLY != 0 { "remount,ro" } else { "remount,rw" };
    // -i: no helper, such as mount.fuse, which does not know how to remount.
    let status = Command::new("mount").args(["-i", "-o", read_only]).arg(path).status().unwrap();
    assert!(status.success());
}
