//! `docs/conformance.md` lists the tables and how many cases each has: this keeps it true.

use std::fmt::Write as _;

const START: &str = "IMFS_BLESS=1 rewrites them -->\n";
const END: &str = "<!-- end of tables -->";

/// Compares the list in the document with the tables, or with `IMFS_BLESS` set writes it anew.
pub(crate) fn check(counts: &[(&str, usize)]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once(START).expect("the document marks where its tables start");
    let (listed, tail) = rest.split_once(END).expect("the document marks where its tables end");
    let tables = list(counts);
    if std::env::var_os("IMFS_BLESS").is_some() {
        std::fs::write(path, format!("{head}{START}{tables}{END}{tail}")).unwrap();
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
