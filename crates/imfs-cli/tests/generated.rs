//! What is made from the definitions of the command line, and the demo.

mod harness;

use std::path::Path;
use std::process::Command;

use harness::{Said, Scratch, imfs};

#[test]
fn man_pages_and_completions() {
    let scratch = Scratch::new("generated");
    let mut command = imfs();
    command.arg("generate").arg(scratch.at("made"));
    Said::of(command).is(0, "");
    assert_eq!(scratch.names("made/man1"), ["imfs-mount.1", "imfs-run.1", "imfs.1"]);
    assert_eq!(scratch.names("made/completions"), ["_imfs", "imfs.bash", "imfs.fish"]);
    let page = scratch.read("made/man1/imfs-run.1");
    for part in ["preload", "PRELOADS", "Examples:", "Exit status:"] {
        assert!(page.contains(part), "no {part} in the page");
    }
    assert!(!scratch.read("made/man1/imfs.1").contains("generate"));
    assert!(scratch.read("made/completions/imfs.bash").contains("--preload"));
}

#[test]
fn help_teaches() {
    let said = |arguments: &[&str]| {
        let mut command = imfs();
        command.args(arguments);
        Said::of(command)
    };
    for arguments in [&["--help"][..], &["run", "--help"], &["mount", "--help"]] {
        let help = said(arguments);
        assert!(help.status.success() && help.out.contains("Examples:"), "{arguments:?}: {}", help.out);
    }
    assert!(said(&["--version"]).out.starts_with("imfs "));
    assert_eq!(said(&[]).status.code(), Some(2));
    assert_eq!(said(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn the_demo() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo/run");
    let mut command = Command::new(script);
    command.env("IMFS", env!("CARGO_BIN_EXE_imfs")).env_remove("PRELOADS").env_remove("DUMPS");
    let said = Said::of(command);
    assert!(said.status.success(), "{}{}", said.out, said.err);
    assert!(said.out.contains("inside:   hello! My root directory is of type fuse.imfs."), "{}", said.out);
    assert!(said.out.contains("outside:  the host has hello,"), "{}", said.out);
}
