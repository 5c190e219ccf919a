//! From the command line to the exit status.

use crate::{Root, expect, text};

#[test]
fn the_status_is_the_programs() {
    let root = Root::new();
    expect(&root.grate(&["/cages.wasm", "status", "0"]).run(), 0);
    expect(&root.grate(&["/cages.wasm", "status", "7"]).run(), 7);
    expect(&root.grate(&["--", "/cages.wasm", "status", "3"]).run(), 3);
}

#[test]
fn a_start_is_cheap() {
    /// What the grate touches, and what of it the fork copies; without the stacks of the workers, 257 MiB, of which none
    /// is used before its worker.
    const MOST: u64 = 8 << 20;
    let root = Root::new();
    let outcome = root.grate(&["/cages.wasm", "status", "0"]).run();
    expect(&outcome, 0);
    let (resident, copied) = (outcome.resident, outcome.fork_bytes);
    assert!(resident + copied < MOST, "{resident} bytes, and {copied} in the child");
}

#[test]
fn programs_that_do_not_run_are_told_apart() {
    let root = Root::new();
    let outcome = root.grate(&["/absent.wasm"]).run();
    expect(&outcome, 127);
    assert_eq!(text(&outcome.stderr), "imfs-grate: cannot execute /absent.wasm: No such file or directory\n");
    root.write("plain.wasm", &root.read("cages.wasm"));
    let outcome = root.grate(&["/plain.wasm"]).run();
    expect(&outcome, 126);
    assert!(text(&outcome.stderr).contains("cannot execute /plain.wasm: Permission denied"));
    root.write("nonsense", b"not a module");
    root.set_mode("nonsense", 0o755);
    expect(&root.grate(&["/nonsense"]).run(), 126);
    // A trap is SIGSEGV to who waits.
    let outcome = root.grate(&["/cages.wasm", "trap"]).run();
    expect(&outcome, 128 + 11);
    assert!(text(&outcome.stderr).contains("imfs-grate: /cages.wasm was killed by signal 11"));
}

#[test]
fn usage() {
    let root = Root::new();
    for args in [&[][..], &["--log"], &["--nonsense", "/cages.wasm"], &["--size", "many", "/cages.wasm"]] {
        let outcome = root.grate(args).run();
        expect(&outcome, 2);
        assert!(text(&outcome.stderr).contains("usage: imfs-grate"), "{}", text(&outcome.stderr));
    }
}

#[test]
fn files_come_in_and_results_go_out() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let root = Root::new();
    let contents: Vec<u8> = (0..700_000_u32).map(|n| (n / 3) as u8).collect();
    root.write("in/big", &contents);
    root.set_mode("in/big", 0o640);
    root.write("same", b"the same path");
    let outcome = root
        .grate(&["/cages.wasm", "copy", "/deep/er/big", "/tmp/out"])
        .env("PRELOADS", b"::/deep/er/big=/same:/deep/er/big=/in/big:=x:y=:/same")
        .env("DUMPS", b" /tmp/out=/results/deep/out;/same=/results/same; /deep/er/big=/results/big;;=")
        .run();
    expect(&outcome, 0);
    assert_eq!(root.read("results/deep/out"), contents);
    assert_eq!(root.read("results/big"), contents);
    assert_eq!(root.read("results/same"), b"the same path");
    let (before, after) = (root.path("in/big"), root.path("results/big"));
    let [before, after] = [before, after].map(|path| std::fs::metadata(path).expect("it is there"));
    assert_eq!(after.permissions().mode() & 0o7777, 0o640);
    assert_eq!((after.mtime(), after.mtime_nsec()), (before.mtime(), before.mtime_nsec()));
}

#[test]
fn trees_come_in_and_go_out() {
    let root = Root::new();
    for n in 0..50 {
        root.write(&format!("tree/{}/file-{n}", n % 7), format!("contents {n}").as_bytes());
    }
    root.write("tree/empty", b"");
    std::os::unix::fs::symlink("0/file-0", root.path("tree/link")).expect("it is ours");
    let outcome = root
        .grate(&["/cages.wasm", "copy", "/tree/link", "/tree/new"])
        .env("PRELOADS", b"/tree")
        .env("DUMPS", b"/tree=/copy")
        .run();
    expect(&outcome, 0);
    for n in 0..50 {
        let contents = root.read(&format!("copy/{}/file-{n}", n % 7));
        assert_eq!(contents, format!("contents {n}").as_bytes());
    }
    assert_eq!(root.read("copy/new"), b"contents 0");
    assert_eq!(root.read("copy/empty"), b"");
    let link = std::fs::read_link(root.path("copy/link")).expect("it is a link");
    assert_eq!(link.to_str(), Some("0/file-0"));
}

#[test]
fn holes_and_attributes_go_along() {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};
    const FAR: u64 = 40 << 20;
    const NAME: &std::ffi::CStr = c"user.origin";
    let root = Root::new();
    root.write("tree/sparse", b"start");
    let sparse = std::fs::OpenOptions::new().write(true).open(root.path("tree/sparse")).expect("it is ours");
    sparse.write_all_at(b"end", FAR).expect("there is room");
    sparse.set_len(2 * FAR).expect("there is room");
    let attributed = ["tree", "tree/sparse"].map(|name| {
        let path = root.c_path(name);
        // SAFETY: two strings, and a value of four bytes.
        unsafe { libc::setxattr(path.as_ptr(), NAME.as_ptr(), b"here".as_ptr().cast(), 4, 0) }
    });
    // More than the limit, had the holes taken space.
    let outcome = root
        .grate(&["--size", "1M", "/cages.wasm", "status", "0"])
        .env("PRELOADS", b"/tree")
        .env("DUMPS", b"/tree=/copy")
        .run();
    expect(&outcome, 0);
    let copy = root.read("copy/sparse");
    assert!(
        copy.len() as u64 == 2 * FAR
            && copy.starts_with(b"start\0")
            && copy[FAR as usize..].starts_with(b"end\0")
    );
    let blocks = std::fs::metadata(root.path("copy/sparse")).expect("it is there").blocks();
    assert!(blocks * 512 < 1 << 20, "{blocks} blocks");
    if attributed != [0; 2] {
        eprintln!("SKIPPED: attributes, which the file system of {:?} does not have", root.0);
        return;
    }
    for path in ["copy", "copy/sparse"].map(|name| root.c_path(name)) {
        let mut value = [0_u8; 8];
        // SAFETY: two strings, and room for eight bytes.
        let len = unsafe { libc::getxattr(path.as_ptr(), NAME.as_ptr(), value.as_mut_ptr().cast(), 8) };
        assert!(len == 4 && value.starts_with(b"here"), "{path:?}: {len}");
    }
}

#[test]
fn staging_that_fails_is_named() {
    let root = Root::new();
    let outcome = root.grate(&["/cages.wasm", "status", "0"]).env("PRELOADS", b"/absent").run();
    expect(&outcome, 125);
    let wanted = "imfs-grate: PRELOADS: cannot find /absent on the host: No such file or directory\n";
    assert_eq!(text(&outcome.stderr), wanted);
    let outcome = root.grate(&["/cages.wasm", "status", "0"]).env("DUMPS", b"/none=/x;/tmp=/out").run();
    expect(&outcome, 125);
    let wanted = "imfs-grate: DUMPS: cannot find /none in the IMFS: No such file or directory\n";
    assert_eq!(text(&outcome.stderr), wanted);
    assert!(root.path("out").is_dir(), "the other dump is done");
    // The program's own failure is what counts.
    expect(&root.grate(&["/cages.wasm", "status", "9"]).env("DUMPS", b"/none").run(), 9);
}

#[test]
fn limits_and_log() {
    let root = Root::new();
    root.write("big", &[1; 200_000]);
    let run = |size| {
        root.grate(&["--log", "--size", size, "/cages.wasm", "copy", "/big", "/tmp/out"])
            .env("PRELOADS", b"/big")
            .run()
    };
    expect(&run("1M"), 0);
    let outcome = run("300K");
    expect(&outcome, 1);
    assert!(text(&outcome.stdout).contains("is -28, not 1000"), "{}", text(&outcome.stdout));
    let log = text(&outcome.stderr);
    assert!(log.contains("imfs-grate: [2] open(") && log.contains(") = -28"), "{log}");
    expect(&root.grate(&["--inodes=1", "/cages.wasm", "status", "0"]).run(), 125);
}

#[test]
fn programs_of_imfs_are_executed() {
    let root = Root::new();
    let outcome = root.grate(&["/cages.wasm", "exec-imfs"]).env("PRELOADS", b"/only/here=/cages.wasm").run();
    expect(&outcome, 0);
    let outcome = root.grate(&["/only/here", "status", "4"]).env("PRELOADS", b"/only/here=/cages.wasm").run();
    expect(&outcome, 4);
    // Nothing of it is left on the host.
    assert_eq!(std::fs::read_dir(root.path("tmp")).expect("it is there").count(), 0);
}
