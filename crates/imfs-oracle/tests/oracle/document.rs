//! `docs/conformance.md` lists the tables and how many cases each has, and names every call and flag: this keeps it true.

use std::fmt::Write as _;
use std::path::Path;

const START: &str = "IMFS_BLESS=1 rewrites them -->\n";
const END: &str = "<!-- end of tables -->";

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../imfs/src");

/// Methods of a cage that are no system calls: what a door needs to know or to give, and calls in a form that suits it.
const NO_CALLS: &[&str] = &[
    "add_foreign",
    "copy_descriptors",
    "credentials",
    "foreign",
    "id",
    "interrupt",
    "interrupts",
    "nofile",
    "set_credentials",
    "set_fsize",
    "set_nofile",
    "exited",
];

/// The prefixes of the flags in C, by the names of their types here.
const PREFIXES: &[(&str, &str)] = &[
    ("OFlags", "O_"),
    ("ResolveFlags", "RESOLVE_"),
    ("FdFlags", "FD_"),
    ("AtFlags", "AT_"),
    ("RenameFlags", "RENAME_"),
    ("XattrFlags", "XATTR_"),
    ("RwFlags", "RWF_"),
    ("FallocFlags", "FALLOC_FL_"),
    ("PollFlags", "POLL"),
    ("CloseRangeFlags", "CLOSE_RANGE_"),
    ("SyncRangeFlags", "SYNC_FILE_RANGE_"),
    ("FlockOp", "LOCK_"),
    ("ProtFlags", "PROT_"),
    ("MapFlags", "MAP_"),
    ("MsyncFlags", "MS_"),
    ("StatxMask", "STATX_"),
];

/// Whether the document says something of `name`, as a word of its own.
fn says(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name)
}

/// Every system call and every flag that the core has.
pub(crate) fn names_all() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let silent: Vec<_> = calls().into_iter().chain(flags()).filter(|name| !says(&text, name)).collect();
    assert!(silent.is_empty(), "docs/conformance.md says nothing of {silent:?}");
}

/// The public methods of a cage. A variant for other buffers, or for what libc makes of a call, has the call's row.
fn calls() -> Vec<String> {
    let mut calls = Vec::new();
    for source in sources(&Path::new(CORE).join("cage")) {
        let mut of_cage = false;
        for line in source.lines() {
            if line.starts_with("impl") {
                of_cage = line.starts_with("impl Cage");
            }
            let name = line.strip_prefix("    pub fn ").or(line.strip_prefix("    pub unsafe fn "));
            let Some(name) = name.filter(|_| of_cage).and_then(|name| name.split(['(', '<']).next()) else {
                continue;
            };
            let variant = ["_to", "_from", "_with", "_query"].iter().any(|end| name.ends_with(end));
            let of_libc = ["fcntl", "dir"].iter().any(|kin| name.ends_with(kin))
                || [
                    "getfd",
                    "setfd",
                    "getfl",
                    "setfl",
                    "getlk",
                    "setlk",
                    "dupfd",
                    "getpipe_sz",
                    "setpipe_sz",
                    "read_directory",
                ]
                .contains(&name);
            if !(variant || of_libc || name.contains("xattr") || NO_CALLS.contains(&name)) {
                calls.push(name.to_string());
            }
        }
    }
    calls
}

/// The flags, as C calls them.
fn flags() -> Vec<String> {
    let mut flags = Vec::new();
    let abi = Path::new(CORE).join("abi");
    for source in sources(&abi.join("flags"))
        .into_iter()
        .chain([std::fs::read_to_string(abi.join("statx.rs")).unwrap()])
    {
        let mut prefix = None;
        for line in source.lines() {
            if let Some(name) = line.strip_prefix("    pub struct ").and_then(|rest| rest.split(':').next()) {
                prefix = PREFIXES.iter().find(|(known, _)| *known == name).map(|(_, prefix)| *prefix);
            }
            let flag = line
                .strip_prefix("        const ")
                .and_then(|rest| rest.split_once(" ="))
                .map(|(name, _)| name);
            match (flag, prefix) {
                (Some(flag), Some(prefix)) if !matches!(flag, "_" | "ACCMODE") => {
                    flags.push(format!("{prefix}{flag}"))
                }
                _ => {}
            }
            if let Some((name, _)) = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(':')) {
                flags.push(name.to_string());
            }
        }
    }
    flags
}

fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Compares the list in the document with the tables, or with `IMFS_BLESS` set writes it anew.
pub(crate) fn check(counts: &[(&str, usize)]) {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (head, rest) = text.split_once(START).expect("the document marks where its tables start");
    let (listed, tail) = rest.split_once(END).expect("the document marks where its tables end");
    let tables = list(counts);
    if std::env::var_os("IMFS_BLESS").is_some() {
        std::fs::write(DOCUMENT, format!("{head}{START}{tables}{END}{tail}")).unwrap();
    } else {
        assert_eq!(listed, tables, "docs/conformance.md is behind: run this test with IMFS_BLESS=1");
    }
}

fn list(counts: &[(&str, usize)]) -> String {
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mut text = String::from("| table | cases |\n|---|---:|\n");
    for (name, count) in counts {
        let _ = writeln!(text, "| {name} | {count} |");
    }
    let _ = writeln!(text, "| all | {total} |");
    text
}
