//! Contents: reads and writes, holes, ranges, copies, shared mappings, a program and its data.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use rustix::fs::{FallocateFlags, OFlags, SeekFrom as Seek, copy_file_range, fallocate, seek};

use crate::fixture::{Mount, as_on_tmpfs, python};

/// Opens for everything, made new.
fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mount = Mount::new();
    let path = mount.at("f");
    let text: Vec<u8> = (0..5_000_000_u32).flat_map(|number| number.to_le_bytes()).collect();
    fs::write(&path, &text).unwrap();
    assert!(fs::read(&path).unwrap() == text, "from the kernel's cache");
    fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    assert!(fs::read(&path).unwrap() == text, "from the instance");
    assert_eq!(path.metadata().unwrap().blocks(), 20_000_000_u64.div_ceil(4096) * 8);
}

#[test]
fn appending_and_truncating() {
    as_on_tmpfs(|dir| {
        let path = dir.join("f");
        let mut one = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut two = OpenOptions::new().append(true).open(&path).unwrap();
        for number in 0..100 {
            writeln!(one, "one {number}").unwrap();
            writeln!(two, "two {number}").unwrap();
        }
        let long = fs::read_to_string(&path).unwrap();
        one.set_len(7).unwrap();
        writeln!(two, "end").unwrap();
        let short = fs::read_to_string(&path).unwrap();
        one.set_len(10_000).unwrap();
        let grown = fs::read(&path).unwrap();
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        (long, short, grown, path.metadata().unwrap().len())
    });
}

#[test]
fn holes_are_found() {
    as_on_tmpfs(|dir| {
        let file = open(&dir.join("f"));
        file.set_len(1 << 20).unwrap();
        file.write_at(b"x", 100_000).unwrap();
        file.write_at(b"y", 500_000).unwrap();
        // Nothing of this has reached the file system when it is asked.
        let mut seen = Vec::new();
        let mut at = 0;
        while let Ok(data) = seek(&file, Seek::Data(at)) {
            at = seek(&file, Seek::Hole(data)).unwrap();
            seen.push((data, at));
        }
        let beyond = seek(&file, Seek::Hole(1 << 20));
        (seen, beyond, file.metadata().unwrap().len())
    });
}

#[test]
fn a_sparse_file_costs_what_it_holds() {
    as_on_tmpfs(|dir| {
        let path = dir.join("f");
        let file = open(&path);
        file.write_at(b"begin", 0).unwrap();
        file.write_at(b"end", (4 << 30) - 3).unwrap();
        let mut end = [0; 6];
        file.read_exact_at(&mut end, (4 << 30) - 6).unwrap();
        // The kernel asks for the blocks again when the file was closed.
        drop(file);
        let data = path.metadata().unwrap();
        (data.len(), data.blocks(), end)
    });
}

#[test]
fn ranges_are_allocated_and_punched() {
    as_on_tmpfs(|dir| {
        let path = dir.join("f");
        let file = open(&path);
        file.write_at(&[7; 20_000], 0).unwrap();
        let mut seen = Vec::new();
        for (mode, offset, len) in [
            (FallocateFlags::empty(), 0, 30_000),
            (FallocateFlags::KEEP_SIZE, 40_000, 10_000),
            (FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE, 3_000, 9_000),
            (FallocateFlags::PUNCH_HOLE, 0, 1),
            (FallocateFlags::COLLAPSE_RANGE, 0, 4096),
            (FallocateFlags::INSERT_RANGE, 0, 4096),
            (FallocateFlags::empty(), 0, 0),
        ] {
            let done = fallocate(&file, mode, offset, len);
            file.sync_all().unwrap();
            let data = file.metadata().unwrap();
            seen.push((done, data.len(), data.blocks()));
        }
        (seen, fs::read(&path).unwrap())
    });
}

#[test]
fn ranges_are_copied() {
    as_on_tmpfs(|dir| {
        let (from, to) = (open(&dir.join("from")), open(&dir.join("to")));
        let text: Vec<u8> = (0..100_000).map(|number| (number % 251) as u8).collect();
        from.write_at(&text, 0).unwrap();
        let (mut at, mut into) = (1_000, 5_000);
        let copied = copy_file_range(&from, Some(&mut at), &to, Some(&mut into), 60_000).unwrap();
        let (mut same, mut overlapping) = (0, 10);
        let refused = copy_file_range(&from, Some(&mut same), &from, Some(&mut overlapping), 100);
        let whole = fs::copy(dir.join("from"), dir.join("copy")).unwrap();
        let equal = fs::read(dir.join("copy")).unwrap() == text;
        (copied, at, into, refused, whole, equal, fs::read(dir.join("to")).unwrap())
    });
}

#[test]
fn a_shared_mapping_is_the_file() {
    as_on_tmpfs(|dir| {
        let seen = python(
            dir,
            "import mmap, os
fd = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(fd, b'.' * 10000)
m = mmap.mmap(fd, 10000)
m[5000:5006] = b'mapped'
os.pwrite(fd, b'written', 100)
print(m[100:107], os.pread(fd, 6, 5000))
os.ftruncate(fd, 6000)
os.ftruncate(fd, 20000)
print(m[5990:6010], len(set(m[6000:])))",
        );
        (seen, fs::read(dir.join("f")).unwrap())
    });
}

#[test]
fn mappings_reach_the_instance_when_they_end() {
    let mount = Mount::new();
    python(
        mount.path(),
        "import mmap, os
fd = os.open('f', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8192)
m = mmap.mmap(fd, 8192)
os.close(fd)
m[4096:4102] = b'mapped'",
    );
    fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    assert_eq!(&fs::read(mount.at("f")).unwrap()[4096..4102], b"mapped");
}

#[test]
fn direct_reads_and_writes() {
    let mount = Mount::new();
    let path = mount.at("f");
    fs::write(&path, "buffered").unwrap();
    let flags = OFlags::RDWR | OFlags::DIRECT;
    let direct = File::from(rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).unwrap());
    let mut text = [0; 8];
    direct.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"buffered");
    direct.write_all_at(b"directly", 0).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "directly");
}

/// With the kernel's write-back the write itself fits into its cache; the failure comes when the cache is written.
#[test]
fn a_full_file_system_is_reported_at_the_close_or_before() {
    let fs = imfs::Imfs::builder().size(100 << 12).build().unwrap();
    let mount = Mount::with(fs, &imfs_fuse::Options::default());
    let file = open(&mount.at("f"));
    let written = (&file).write_all(&vec![1; 200 << 12]);
    let failed = written.and_then(|()| file.sync_all()).unwrap_err();
    assert_eq!(failed.raw_os_error(), Some(libc::ENOSPC));
}

#[test]
fn a_program_runs_from_a_mount() {
    let mount = Mount::new();
    fs::copy("/bin/echo", mount.at("echo")).unwrap();
    let output = Command::new(mount.at("echo")).arg("from a mount").output().unwrap();
    assert_eq!(output.stdout, b"from a mount\n");
    // A running program is not to be written: the kernel knows without asking.
    let mut sleeping = {
        fs::copy("/bin/sleep", mount.at("sleep")).unwrap();
        Command::new(mount.at("sleep")).arg("100").spawn().unwrap()
    };
    let busy = OpenOptions::new().write(true).open(mount.at("sleep")).unwrap_err();
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    assert_eq!(busy.raw_os_error(), Some(libc::ETXTBSY));
    fs::write(mount.at("script"), "#!/bin/sh\necho $0 $1\n").unwrap();
    fs::set_permissions(mount.at("script"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(mount.shell("./script x"), "./script x\n");
}

#[test]
fn a_tree_goes_in_and_out() {
    let mount = Mount::new();
    let out = mount.shell(
        "mkdir in && tar -C /usr/include -cf - . | tar -C in -xf -
         diff -r --no-dereference /usr/include in
         tar -C in -cf - . | tar -df - -C /usr/include
         cp -a in copy && diff -r --no-dereference in copy && rm -r in copy
         ls -A",
    );
    assert_eq!(out, "");
}
