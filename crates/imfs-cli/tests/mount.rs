//! `imfs mount`: its life from mount to unmount, in front and in the background, and what is dumped.

mod harness;

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::process::Command;
use std::thread;
use std::time::Duration;

use harness::{MountPoint, Running, Said, as_nobody, imfs, is_mounted, is_root, unmount, wait_until};

#[test]
fn from_mount_to_unmount() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("life");
    point.scratch.write("in/file", "preloaded");
    let (preload, dump) =
        (format!("/in={}", point.scratch.text("in")), format!("/out={}", point.scratch.text("out")));
    let options =
        ["--preload", preload.as_str(), "--dump", &dump, "--mode", "1750", "--uid", "7", "--gid", "8"];
    let mut running = point.start(&options);
    let root = fs::metadata(point.path()).unwrap();
    assert_eq!((root.mode() & 0o7777, root.uid(), root.gid()), (0o1750, 7, 8));
    assert_eq!(fs::read_to_string(point.path().join("in/file")).unwrap(), "preloaded");
    assert_eq!(fs::metadata(point.path().join("in/file")).unwrap().uid(), 7);
    fs::create_dir(point.path().join("out")).unwrap();
    fs::write(point.path().join("out/result"), "made inside").unwrap();
    unmount(&point.path());
    assert_eq!(running.status().code(), Some(0));
    assert_eq!(point.scratch.read("out/result"), "made inside");
    point.is_as_before();
}

#[test]
fn a_signal_unmounts_and_dumps() {
    if !is_root() {
        return;
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let point = MountPoint::new(&format!("signal-{signal}"));
        let dump = format!("f={}", point.scratch.text("f"));
        let mut running = point.start(&["--dump", &dump]);
        fs::write(point.path().join("f"), "x".repeat(100_000)).unwrap();
        running.kill(signal);
        assert_eq!(running.status().code(), Some(0));
        assert!(!is_mounted(&point.path()));
        assert_eq!(point.scratch.read("f").len(), 100_000);
    }
}

#[test]
fn a_signal_dumps_although_the_mount_is_in_use() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("busy");
    let dump = format!("f={}", point.scratch.text("f"));
    let mut running = point.start(&["--dump", &dump]);
    fs::write(point.path().join("f"), "written").unwrap();
    let open = fs::File::open(point.path().join("f")).unwrap();
    running.kill(libc::SIGTERM);
    assert_eq!(running.status().code(), Some(0));
    assert!(!is_mounted(&point.path()));
    assert_eq!(point.scratch.read("f"), "written");
    drop(open);
}

#[test]
fn in_the_background() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("daemon");
    point.scratch.write("in", "in");
    let mut command = imfs();
    // Relative paths mean the directory that the caller is in, whatever the daemon's is.
    command.args(["mount", "--daemon", "--preload", "in", "--dump", "out=made/out", "mnt"]);
    command.current_dir(point.scratch.at(""));
    Said::of(command).is(0, "");
    assert!(is_mounted(&point.path()));
    assert_eq!(fs::read_to_string(point.path().join("in")).unwrap(), "in");
    fs::write(point.path().join("out"), "out").unwrap();
    unmount(&point.path());
    wait_until("the dump", || {
        fs::read_to_string(point.scratch.at("made/out")).is_ok_and(|text| text == "out").then_some(())
    });
}

#[test]
fn an_ordinary_user_mounts_on_a_directory_of_his_own() {
    let script = "cd $SCRATCH && mkdir mnt && echo staged >a &&
        $IMFS mount --daemon --preload a --dump b=$SCRATCH/out mnt &&
        cat mnt/a && cp mnt/a mnt/b && stat -c %u mnt/b && fusermount3 -u mnt || exit 1
        until [ -e out ]; do sleep 0.1; done
        cat out
        $IMFS mount /usr";
    if let Some(said) = as_nobody(script) {
        assert_eq!(said.out, "staged\n65534\nstaged\n", "{}", said.err);
        assert!(said.err.starts_with("imfs: cannot mount on /usr: "), "{}", said.err);
    }
}

#[test]
fn a_killed_server_leaves_nothing() {
    if !is_root() {
        return;
    }
    for whole_group in [false, true] {
        let point = MountPoint::new(&format!("killed-{whole_group}"));
        let mut running = point.start(&[]);
        let open = fs::File::create(point.path().join("f")).unwrap();
        if whole_group {
            running.kill_group(libc::SIGKILL);
        }
        running.kill_off();
        point.is_as_before();
        assert_eq!(open.sync_all().unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
    }
}

#[test]
fn a_killed_server_in_the_background_leaves_nothing() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("killed-daemon");
    let mut command = imfs();
    command.args(["mount", "--daemon"]).arg(point.path());
    Said::of(command).is(0, "");
    point.process("imfs").kill();
    point.is_as_before();
}

#[test]
fn a_server_killed_while_it_waits_for_its_own_mount_leaves_nothing() {
    if !is_root() {
        return;
    }
    for milliseconds in [5, 20, 40, 80] {
        let point = MountPoint::new(&format!("killed-waiting-{milliseconds}"));
        let mut running = point.start(&[]);
        let mut open = fs::File::create(point.path().join("f")).unwrap();
        open.write_all(&vec![1; 50 << 20]).unwrap();
        // First it has the kernel write everything back.
        running.kill(libc::SIGTERM);
        thread::sleep(Duration::from_millis(milliseconds));
        // It may just have ended.
        running.kill(libc::SIGKILL);
        running.status();
        point.is_as_before();
    }
}

#[test]
fn a_server_killed_while_it_waits_for_a_mount_out_of_sight_ends() {
    if !is_root() {
        return;
    }
    for milliseconds in [50, 100, 150] {
        let point = MountPoint::new(&format!("killed-out-of-sight-{milliseconds}"));
        let mut running = point.start(&[]);
        let file = fs::File::create(point.path().join("f")).unwrap();
        assert!(Command::new("umount").arg("--lazy").arg(point.path()).status().unwrap().success());
        // To look for holes in what was just written has it written back, for which the server waits.
        let user = thread::spawn(move || {
            let bytes = vec![1; 30 << 20];
            // SAFETY: no preconditions.
            let seek = || unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_HOLE) };
            while file.write_all_at(&bytes, 0).is_ok() && seek() >= 0 {}
        });
        thread::sleep(Duration::from_millis(milliseconds));
        running.kill_off();
        user.join().unwrap();
        point.is_as_before();
    }
}

#[test]
fn a_server_killed_at_any_moment_of_its_start_leaves_nothing() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("killed-early");
    for step in 0..40 {
        let mut command = imfs();
        command.arg("mount").arg(point.path());
        let mut running = Running::start(command);
        thread::sleep(Duration::from_micros(step * 500));
        running.kill_off();
        point.is_as_before();
    }
}

#[test]
fn what_somebody_has_mounted_above_a_killed_server_stays() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("killed-covered");
    let mut running = point.start(&[]);
    assert!(
        Command::new("mount").args(["-t", "tmpfs", "none"]).arg(point.path()).status().unwrap().success()
    );
    fs::write(point.path().join("theirs"), "x").unwrap();
    running.kill_off();
    point.is_alone();
    assert_eq!(fs::read_to_string(point.path().join("theirs")).unwrap(), "x");
    unmount(&point.path());
    unmount(&point.path());
}

#[test]
fn a_killed_server_whose_guardian_was_killed_is_named() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("killed-both");
    let mut running = point.start(&[]);
    point.process("mount-guardian").kill();
    running.kill_off();
    let mut command = imfs();
    command.arg("mount").arg(point.path());
    Said::of(command).fails(1, &["Transport endpoint is not connected", "has lost its server"]);
    unmount(&point.path());
    point.is_as_before();
}

#[test]
fn a_killed_server_of_an_ordinary_user_leaves_nothing() {
    let script = "cd $SCRATCH && mkdir mnt
        $IMFS mount mnt & until mountpoint -q mnt; do sleep 0.01; done
        kill -9 $!; wait $!; echo $?
        while mountpoint -q mnt; do sleep 0.01; done
        ls mnt && rmdir mnt && echo gone";
    if let Some(said) = as_nobody(script) {
        assert_eq!(said.out, "137\ngone\n", "{}", said.err);
    }
}

#[test]
fn what_cannot_be_mounted() {
    let point = MountPoint::new("errors");
    let try_mount = |arguments: &[&str]| {
        let mut command = imfs();
        command.arg("mount").args(arguments);
        Said::of(command)
    };
    let missing = point.scratch.text("missing");
    try_mount(&[&missing]).fails(1, &[&missing, "No such file or directory", "make the directory"]);
    try_mount(&["--daemon", &missing]).fails(1, &[&missing, "No such file or directory"]);
    let file = point.scratch.write("file", "");
    try_mount(&[file.to_str().unwrap()]).fails(1, &["Not a directory"]);
    let mnt = point.scratch.text("mnt");
    try_mount(&["--preload", "/no/such", &mnt]).fails(1, &["preload of /no/such"]);
    assert!(!is_mounted(&point.path()));
    for usage in [&["--mode", "9", &mnt][..], &["--size", "x", &mnt], &[]] {
        assert_eq!(try_mount(usage).status.code(), Some(2));
    }
}

#[test]
fn a_failed_dump_is_a_failure() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("dump");
    let mut running = point.start(&["--dump", "/none"]);
    unmount(&point.path());
    assert_eq!(running.status().code(), Some(1));
}

#[test]
fn limits_of_a_mount() {
    if !is_root() {
        return;
    }
    let point = MountPoint::new("limits");
    let mut running = point.start(&["--size", "1m", "--inodes", "4"]);
    let inside = |name: &str| point.path().join(name);
    for name in ["a", "b", "c"] {
        fs::write(inside(name), "").unwrap();
    }
    assert_eq!(fs::write(inside("d"), "").unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    assert_eq!(fs::create_dir(inside("d")).unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    let long = "n".repeat(256);
    assert_eq!(fs::write(inside(&long), "").unwrap_err().raw_os_error(), Some(libc::ENAMETOOLONG));
    fs::remove_file(inside("a")).unwrap();
    // The kernel tells a little later that it has forgotten the removed file.
    let link = || std::os::unix::fs::symlink("loop", inside("loop"));
    wait_until("room for a symlink", || link().ok());
    assert_eq!(fs::read(inside("loop")).unwrap_err().raw_os_error(), Some(libc::ELOOP));
    unmount(&point.path());
    assert!(running.status().success());
}
