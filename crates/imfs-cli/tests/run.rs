//! `imfs run`: what the program sees, how it ends, what is staged, and what imfs says when it cannot go on.

mod harness;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use harness::{Said, Scratch, as_nobody, is_root, run, shell};

fn said(options: &[&str], script: &str) -> Said {
    Said::of(shell(options, script))
}

#[test]
fn the_status_is_the_programs() {
    said(&[], "exit 0").is(0, "");
    said(&[], "exit 42").is(42, "");
    said(&[], "kill -KILL $$").is(128 + libc::SIGKILL, "");
    said(&[], "kill -SEGV $$").is(128 + libc::SIGSEGV, "");
    said(&[], "exit 125").is(125, "");
}

#[test]
fn a_program_that_cannot_be_started() {
    Said::of(run(&["no-such-program"])).fails(127, &["no-such-program", "not found", "--preload"]);
    Said::of(run(&["/no/such/program"])).fails(127, &["/no/such/program"]);
    Said::of(run(&["/etc/passwd"])).fails(126, &["/etc/passwd", "Permission denied"]);
    Said::of(run(&["/tmp"])).fails(126, &["/tmp"]);
    let scratch = Scratch::new("start");
    let script = scratch.write("script", "#!/no/interpreter\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let spec = format!("/script={}", script.display());
    Said::of(run(&["--preload", &spec, "/script"])).fails(127, &["/script", "interpreter"]);
}

#[test]
fn usage_errors_are_imfs_own_failures() {
    for arguments in [
        &["--no-such-option", "true"][..],
        &[],
        &["--size", "lots", "true"],
        &["--size", "1", "true"],
        &["--inodes", "0", "true"],
        &["--preload", "=", "true"],
        &["--bind", "relative", "true"],
        &["--setenv", "NOVALUE", "true"],
    ] {
        let said = Said::of(run(arguments));
        assert_eq!((said.status.code(), said.out.as_str()), (Some(125), ""), "{arguments:?}");
        assert!(said.err.contains("--help"), "{}", said.err);
    }
    let help = Said::of(run(&["--help"]));
    assert!(help.status.success() && help.out.contains("Examples:") && help.out.contains("127"));
}

#[test]
fn the_view() {
    let said = said(&[], "echo /*; stat -c %a / /tmp; ls -A /tmp /dev/shm; stat -f -c %T /");
    said.is(0, &said.out);
    let (roots, rest) = said.out.split_once('\n').unwrap();
    for name in roots.split(' ') {
        let known = ["/bin", "/dev", "/etc", "/proc", "/sbin", "/tmp", "/usr"];
        assert!(known.contains(&name) || name.starts_with("/lib"), "{name} is inside");
    }
    assert!(rest.starts_with("755\n1777\n/dev/shm:\n\n/tmp:\n"), "{rest}");
}

#[test]
fn the_host_is_read_only_and_its_secrets_are_not_there() {
    let script = "touch /usr/x /etc/passwd; ls /etc/shadow /root /home /var; test ! -e /etc/shadow";
    let said = said(&[], script);
    assert!(said.status.success());
    assert_eq!(said.err.matches("Read-only file system").count(), 2, "{}", said.err);
    assert_eq!(said.err.matches("No such file or directory").count(), 4, "{}", said.err);
}

#[test]
fn etc_is_writable_beside_what_is_shown() {
    said(
        &[],
        "echo x >/etc/own && cat /etc/own && mkdir /etc/d /home /var && echo y >/home/f && cat /home/f",
    )
    .is(0, "x\ny\n");
}

#[test]
fn devices_and_processes() {
    let script = "echo lost >/dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 1 /dev/zero >/dev/full; \
        head -c 4 /dev/urandom | wc -c; echo err >/dev/stderr; echo out >/dev/stdout; \
        ls /proc | grep -c '^[0-9]'; readlink /dev/fd /dev/ptmx; echo s >/dev/shm/s; cat /dev/shm/s";
    let said = said(&[], script);
    let expected = " 00 00 00\n4\nout\n";
    assert!(said.out.starts_with(expected), "{}", said.out);
    assert!(said.out.ends_with("\n/proc/self/fd\npts/ptmx\ns\n"), "{}", said.out);
    assert!(said.err.contains("No space left on device") && said.err.contains("err\n"), "{}", said.err);
    // init, the shell, and a command or two: none of the host's.
    let processes: usize = said.out[expected.len()..].lines().next().unwrap().parse().unwrap();
    assert!((3..=5).contains(&processes), "{processes}");
}

#[test]
fn a_terminal_can_be_had_inside() {
    let script =
        "import os; m, s = os.openpty(); print(os.ttyname(s)); os.write(m, b'x\\n'); print(os.read(s, 9))";
    Said::of(run(&["--", "python3", "-c", script])).is(0, "/dev/pts/0\nb'x\\n'\n");
}

#[test]
fn binds() {
    let scratch = Scratch::new("bind");
    scratch.write("dir/file", "host\n");
    let host = scratch.text("dir");
    let (ro, rw) = (format!("{host}=/ro"), format!("{host}=/deep/rw"));
    let script = "cat /ro/file; echo x >/ro/new; echo inside >/deep/rw/new; cat /ro/new";
    let both = said(&["--bind", &ro, "--bind-rw", &rw], script);
    both.is(0, "host\ninside\n");
    assert!(both.err.contains("Read-only file system"), "{}", both.err);
    assert_eq!(scratch.read("dir/new"), "inside\n");

    let file = format!("{}=/one", scratch.text("dir/file"));
    said(&["--bind", &file], "cat /one").is(0, "host\n");
    said(&["--bind", &host], &format!("cat {host}/file")).is(0, "host\n");
    Said::of(run(&["--bind", "/no/such=/x", "true"])).fails(125, &["/no/such", "No such file or directory"]);
}

#[test]
fn without_default_binds_nothing_is_there() {
    Said::of(run(&["--no-default-binds", "--", "sh"])).fails(127, &["sh", "not found"]);
    // What the loader needs, wherever this host has it.
    let mut options = vec!["--no-default-binds"];
    for name in ["/usr", "/bin", "/lib", "/lib64"] {
        if fs::metadata(name).is_ok() {
            options.extend(["--bind", name]);
        }
    }
    said(&options, "test ! -e /etc && echo none").is(0, "none\n");
}

#[test]
fn environment_and_directory() {
    let scratch = Scratch::new("cwd");
    scratch.write("sub/file", "text\n");
    let mut command = shell(&["--setenv", "A=1", "--setenv", "A=b c"], "pwd; echo $PWD $A $INHERITED");
    command.env("INHERITED", "yes").current_dir(scratch.at("sub"));
    Said::of(command).is(0, "/\n/ b c yes\n");
    // The caller's directory, once it is staged; relative paths start there.
    let mut command = shell(&["--preload", "file"], "pwd; cat file");
    command.current_dir(scratch.at("sub"));
    Said::of(command).is(0, &format!("{}\ntext\n", scratch.text("sub")));
    let mut command = shell(&["--preload", ".", "--cwd", "sub"], "pwd; cat file; ls ..");
    command.current_dir(scratch.at(""));
    Said::of(command).is(0, &format!("{}\ntext\nsub\n", scratch.text("sub")));
    said(&["--cwd", "/tmp"], "pwd").is(0, "/tmp\n");
    Said::of(run(&["--cwd", "/none", "true"])).fails(125, &["/none", "--cwd"]);
    said(&["--setenv", "PATH=/none"], "exit 0").fails(127, &["sh"]);
}

#[test]
fn preload_and_dump() {
    let scratch = Scratch::new("stage");
    scratch.write("in/a", "a\n");
    let (preload, dump) =
        (format!("/in={}", scratch.text("in")), format!("/out={}", scratch.text("new/out")));
    let script = "cat /in/a; mkdir /out; tr a b </in/a >/out/b; chmod 640 /out/b; exit 3";
    said(&["--preload", &preload, "--dump", &dump], script).is(3, "a\n");
    assert_eq!(scratch.read("new/out/b"), "b\n");
    assert_eq!(fs::metadata(scratch.at("new/out/b")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(scratch.names("new"), ["out"]);
}

#[test]
fn the_lists_of_the_environment() {
    let scratch = Scratch::new("lists");
    for name in ["one", "two", "three"] {
        scratch.write(name, name);
    }
    let at = |name: &str| scratch.text(name);
    let mut command = shell(&["--preload", &format!("/b={}", at("three"))], "cat /a /b; cp /a /x; cp /b /y");
    command.env("PRELOADS", format!("/a={}::/b={}:=", at("one"), at("two")));
    command.env("DUMPS", format!("/x={}; /y={};;", at("out x"), at("out:y")));
    Said::of(command).is(0, "onethree");
    assert_eq!((scratch.read("out x"), scratch.read("out:y")), ("one".into(), "three".into()));
}

#[test]
fn a_failed_dump_is_a_failure() {
    let scratch = Scratch::new("failed-dump");
    scratch.write("old", "old");
    let (missing, good) = (format!("/missing={}", scratch.text("old")), format!("/f={}", scratch.text("f")));
    let options = ["--dump", missing.as_str(), "--dump", &good];
    said(&options, "echo x >/f").fails(125, &["dump of /missing", "No such file or directory"]);
    assert_eq!((scratch.read("old"), scratch.read("f")), ("old".into(), "x\n".into()));
    let failed = said(&options, "exit 9");
    assert_eq!(failed.status.code(), Some(9));
    assert_eq!(failed.err.lines().count(), 2, "{}", failed.err);
    assert_eq!(scratch.names("."), ["f", "old"]);
}

#[test]
fn dumping_everything_leaves_the_hosts_part_out() {
    let scratch = Scratch::new("all");
    let dump = format!("/={}", scratch.text("all"));
    said(&["--dump", &dump], "echo x >/tmp/x; mkdir /d").is(0, "");
    assert_eq!(scratch.names("all"), ["d", "etc", "tmp"]);
    assert_eq!(scratch.names("all/tmp"), ["x"]);
}

#[test]
fn a_preload_that_fails_starts_nothing() {
    Said::of(run(&["--preload", "/no/such", "--", "echo", "started"]))
        .fails(125, &["preload of /no/such", "No such file or directory"]);
    let scratch = Scratch::new("hidden");
    let spec = format!("/usr/local/x={}", scratch.write("x", "").display());
    Said::of(run(&["--preload", &spec, "true"])).fails(125, &["/usr/local/x", "covers"]);
    // What is staged in /etc wins over what is shown there.
    let spec = format!("/etc/passwd={}", scratch.write("passwd", "own\n").display());
    said(&["--preload", &spec], "cat /etc/passwd").is(0, "own\n");
}

#[test]
fn limits() {
    let scratch = Scratch::new("limits");
    let large = scratch.write("large", &"x".repeat(200_000));
    let spec = format!("/large={}", large.display());
    Said::of(run(&["--size", "64k", "--preload", &spec, "true"])).fails(125, &["No space left", "--size"]);
    Said::of(run(&["--inodes", "5", "true"])).fails(125, &["No space left", "--inodes"]);
    // The kernel writes back later, so it is at the latest the close that says so.
    let full = said(&["--size", "1m"], "head -c 2000000 /dev/zero >/f || echo full");
    full.is(0, "full\n");
    assert!(full.err.contains("No space left on device"), "{}", full.err);
    let full = said(&["--inodes", "100"], "i=0; while : >/tmp/$i; do i=$((i+1)); done; test $i -gt 10");
    assert!(full.err.contains("No space left on device"), "{}", full.err);
}

#[test]
fn another_user() {
    if !is_root() {
        return;
    }
    let script =
        "id -u; id -g; id -G; echo x >/own; stat -c '%u %g' /own /; touch /usr/x 2>/dev/null || echo no";
    said(&["--uid", "1234", "--gid", "4321"], script).is(0, "1234\n4321\n4321\n1234 4321\n1234 4321\nno\n");
    let scratch = Scratch::new("owner");
    let spec = format!("/f={}", scratch.write("f", "").display());
    said(&["--preload", &spec, "--uid", "7", "--gid", "8"], "stat -c '%u %g' /f").is(0, "7 8\n");
}

#[test]
fn an_ordinary_user_needs_nothing_else() {
    let script = "$IMFS run sh -c \"id -u; echo x >/f; stat -c %u /f /tmp; touch /usr/x || echo no; ls /proc/1/ns \
        >/dev/null && echo proc; kill -9 \\$\\$\" 2>/dev/null; echo status $?";
    if let Some(said) = as_nobody(script) {
        said.is(0, "65534\n65534\n65534\nno\nproc\nstatus 137\n");
    }
    if let Some(said) = as_nobody("$IMFS run --uid 0 --gid 0 sh -c \"id -u; id -g; stat -c %u /\"") {
        said.is(0, "0\n0\n0\n");
    }
}

#[test]
fn without_the_device_there_is_a_way_out() {
    if !is_root() {
        return;
    }
    let mut command = std::process::Command::new("unshare");
    let script = format!("mount --bind /dev/null /dev/fuse && exec {} run true", env!("CARGO_BIN_EXE_imfs"));
    command.args(["--mount", "sh", "-c", &script]);
    let said = Said::of(command);
    assert_eq!(said.status.code(), Some(125));
    assert!(said.err.starts_with("imfs: ") && said.err.lines().count() == 1, "{}", said.err);
}

#[test]
fn many_at_once() {
    let scratch = Scratch::new("many");
    let children: Vec<_> = (0..8)
        .map(|number| {
            let dump = format!("/f={}", scratch.text(&number.to_string()));
            let script = format!("echo {number} >/f; exit {number}");
            shell(&["--dump", &dump], &script).spawn().unwrap()
        })
        .collect();
    for (number, mut child) in children.into_iter().enumerate() {
        assert_eq!(child.wait().unwrap().code(), Some(number as i32));
        assert_eq!(scratch.read(&number.to_string()), format!("{number}\n"));
    }
}
