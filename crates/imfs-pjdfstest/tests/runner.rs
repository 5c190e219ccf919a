//! The runner with scripts of our own, in the manner of the classic suite: they use every call, option, and field of stat, the shell
//! inside, and the host's commands.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imfs-pjdfstest"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

#[test]
fn our_scripts_pass() {
    let (output, text) = run(&["tests/classic"]);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("shell/skipped.t ............. 1/3, 1 skipped, 1 expected to fail\n"), "{text}");
    assert!(text.contains("6 files, "), "{text}");
    assert!(text.contains(" 0 failed in 0 files"), "{text}");
}

#[test]
fn failures_are_shown_and_counted() {
    let (output, text) = run(&["--jobs", "1", "tests/failing"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text,
        "bad/00.t .................... 1/2
    not ok 2 - tried 'nothing', expected 0, got ENOENT
bad/01.t .................... 1/3
    it announced 3 tests and ran 1
    it ended with exit status: 3
bad/02.t .................... 1/1
3 files, 6 tests: 3 passed, 0 skipped, 0 expected to fail, 3 failed in 2 files
"
    );
}

#[test]
fn a_filter_chooses_scripts() {
    let (output, text) = run(&["tests/failing/tests", "02"]);
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("bad/02.t"), "{text}");
    for wrong in
        [&["tests/failing", "nothing"][..], &["no/such/directory"], &[], &["--wrong"], &["--jobs", "0", "x"]]
    {
        assert_eq!(run(wrong).0.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn scripts_leave_nothing_behind() {
    let temporary = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("classic");
    std::fs::create_dir_all(&temporary).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_imfs-pjdfstest"))
        .args(["tests/classic", "options"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
