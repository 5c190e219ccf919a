//! The results as a table, as JSON and as a chart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::measure::Sample;
use crate::ops;

/// All figures of one operation, in nanoseconds (`mem_*`: bytes; `scale2_*`: speed-ups).
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) imfs: Sample,
    pub(crate) tmpfs: Sample,
    pub(crate) memcpy: Sample,
    pub(crate) peers: BTreeMap<&'static str, Sample>,
    pub(crate) fuse: Sample,
}

impl Row {
    fn best_peer(&self) -> Option<(&'static str, f64)> {
        let peers = self.peers.iter().filter_map(|(name, sample)| Some((*name, sample.median()?)));
        peers.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// What is to be reached (docs/performance.md): a share of tmpfs, of memcpy, a number of bytes, a speed-up, or a multiple of
/// another row.
enum Target {
    None,
    Tmpfs(f64),
    Memcpy(f64),
    AtMost(f64),
    AtLeast(f64),
    Row(f64, &'static str),
}

fn target(name: &str) -> Target {
    match name {
        "open_close" => Target::Tmpfs(35.0),
        "stat_depth4" | "rename_1000" => Target::Tmpfs(25.0),
        "create_unlink" => Target::Tmpfs(40.0),
        "create_1000" | "stat_1000" | "unlink_1000" => Target::Tmpfs(30.0),
        "readdir_1000" | "open_append_close" => Target::Tmpfs(12.0),
        "mkdir" | "rmdir" => Target::Tmpfs(20.0),
        "pread_4k" | "seq_write_reused" => Target::Memcpy(1.3),
        "pwrite_4k" => Target::Memcpy(1.5),
        "random_pread_4k" | "seq_read" => Target::Memcpy(1.2),
        "seq_write_fresh" => Target::Tmpfs(5.0),
        "mem_empty" => Target::AtMost(200.0),
        "mem_1byte" => Target::AtMost(220.0),
        "grow_stat_1e6_any" => Target::None,
        name if name.starts_with("grow_stat") => Target::Row(2.0, "grow_stat_1e3"),
        name if name.starts_with("grow_create") => Target::Row(2.0, "grow_create_1e3"),
        name if name.starts_with("grow_pread") => Target::Row(1.2, "grow_pread_16m"),
        name if name.starts_with("grow_open") => Target::Row(1.2, "grow_open_1"),
        name if name.starts_with("scale2_shared") => Target::AtLeast(1.6),
        _ => Target::AtLeast(1.8),
    }
}

/// What is to be reached and what was, as texts, and whether it was.
fn verdict(name: &str, row: &Row, rows: &BTreeMap<&str, Row>) -> Option<(String, String, bool)> {
    let imfs = row.imfs.median()?;
    Some(match target(name) {
        Target::None => return None,
        Target::Row(want, other) => {
            let got = imfs / rows.get(other)?.imfs.median()?;
            (format!("{want}x {other}"), format!("{got:.2}x"), got <= want)
        }
        Target::Tmpfs(want) => {
            let got = row.tmpfs.median()? / imfs;
            (format!("tmpfs/{want}"), format!("tmpfs/{got:.1}"), got >= want)
        }
        Target::Memcpy(want) => {
            let got = imfs / row.memcpy.median()?;
            (format!("{want}x memcpy"), format!("{got:.2}x"), got <= want)
        }
        Target::AtMost(want) => (format!("{want}"), format!("{imfs:.0}"), imfs <= want),
        Target::AtLeast(want) => (format!("{want}x"), format!("{imfs:.2}x"), imfs >= want),
    })
}

/// In the order of the table: the operations, memory, two threads, growth.
fn in_order<'r>(rows: &'r BTreeMap<&str, Row>) -> Vec<(&'r str, &'r Row)> {
    const GROUPS: [&str; 6] = ["mem_empty", "mem_1byte", "scale2_separate", "scale2_shared", "grow", ""];
    let place = |name: &str| {
        let operation = ops::NAMES.iter().position(|n| *n == name);
        let group = || GROUPS.iter().position(|group| name.starts_with(group)).unwrap_or(GROUPS.len());
        operation.unwrap_or_else(|| ops::NAMES.len() + group())
    };
    let mut sorted: Vec<_> = rows.iter().map(|(name, row)| (*name, row)).collect();
    sorted.sort_by_key(|(name, _)| place(name));
    sorted
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
}

/// Prints the table.
pub(crate) fn print(rows: &BTreeMap<&str, Row>) {
    println!("| operation | IMFS | +- | tmpfs | memcpy | best peer | FUSE | aim | reached | |");
    println!("|---|---:|---:|---:|---:|---:|---:|---|---|---|");
    for (name, row) in in_order(rows) {
        let digits = if name.starts_with("scale") { 2 } else { 0 };
        let peer = row.best_peer().map_or_else(|| "-".into(), |(name, ns)| format!("{ns:.0} ({name})"));
        let (aim, got, reached) = verdict(name, row, rows).unwrap_or_else(|| ("-".into(), "-".into(), true));
        println!(
            "| {name} | {} | {:.0}% | {} | {} | {peer} | {} | {aim} | {got} | {} |",
            number(row.imfs.median(), digits.max(usize::from(!name.starts_with("mem")))),
            row.imfs.spread() * 100.0,
            number(row.tmpfs.median(), digits),
            number(row.memcpy.median(), 1),
            number(row.fuse.median(), 0),
            if reached { "yes" } else { "no" },
        );
    }
}

/// Writes `bench.json` and `bench.svg`.
pub(crate) fn write(rows: &BTreeMap<&str, Row>, out: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(out)?;
    let list: Vec<Value> = in_order(rows)
        .into_iter()
        .map(|(name, row)| {
            let peers: Map<String, Value> =
                row.peers.iter().map(|(peer, sample)| ((*peer).to_owned(), json!(sample.median()))).collect();
            json!({
                "op": name,
                "imfs_ns": row.imfs.median(),
                "tmpfs_ns": row.tmpfs.median(),
                "memcpy_ns": row.memcpy.median(),
                "peers": peers,
                "fuse_ns": row.fuse.median(),
            })
        })
        .collect();
    std::fs::write(out.join("bench.json"), serde_json::to_string_pretty(&list)?)?;
    std::fs::write(out.join("bench.svg"), chart(rows))
}

/// Bars of how many times faster than tmpfs each operation is, on a logarithmic scale.
fn chart(rows: &BTreeMap<&str, Row>) -> String {
    const LEFT: f64 = 170.0;
    const WIDTH: f64 = 420.0;
    const LINE: f64 = 22.0;
    let bars: Vec<(&str, f64)> = in_order(rows)
        .into_iter()
        .filter(|(name, _)| ops::NAMES.contains(name))
        .filter_map(|(name, row)| Some((name, row.tmpfs.median()? / row.imfs.median()?)))
        .collect();
    let height = LINE * (bars.len() as f64 + 2.0);
    let x = |ratio: f64| LEFT + WIDTH * ratio.max(1.0).log10() / 2.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"14\">times faster than tmpfs by system calls (logarithmic)</text>\n",
        LEFT + WIDTH + 60.0
    );
    for (line, (name, ratio)) in bars.iter().enumerate() {
        let y = LINE * (line as f64 + 1.2);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"#4878a8\"/>\
             <text x=\"{:.1}\" y=\"{}\">{ratio:.1}</text>",
            LEFT - 8.0,
            y + 12.0,
            x(*ratio) - LEFT,
            LINE - 6.0,
            x(*ratio) + 5.0,
            y + 12.0,
        );
    }
    svg + "</svg>\n"
}
