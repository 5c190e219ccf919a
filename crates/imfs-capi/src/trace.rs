//! The trace of calls (`IMFS_LOG=trace`), in strace's form.
//!
//! Knows `tracing` and the environment variable; what the arguments look like is told by the callers. A program in Rust that links this
//! library and has a subscriber of its own gets the events there.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Once;

use imfs::abi::Errno;
use libc::c_int;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The variable with the filter: a level, or `target=level` pairs separated by commas, as `RUST_LOG` has it.
const VARIABLE: &str = "IMFS_LOG";
/// The target of the events here.
const TARGET: &str = "imfs::call";

/// Reads the variable, once. Called before the first cage exists.
pub(crate) fn start() {
    static START: Once = Once::new();
    START.call_once(|| {
        let Some(filter) = std::env::var_os(VARIABLE).as_deref().and_then(OsStr::to_str).and_then(parse)
        else {
            return;
        };
        let lines = tracing_subscriber::registry().with(Lines.with_filter(filter));
        // Somebody else's subscriber stays.
        let _ = tracing::subscriber::set_global_default(lines);
    });
}

fn parse(filter: &str) -> Option<Targets> {
    match filter.trim() {
        "" => None,
        filter => filter.parse().ok().or_else(|| Some(Targets::new().with_default(LevelFilter::OFF))),
    }
}

/// Whether anybody wants traces: one load and a comparison when nobody does.
#[inline]
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: "imfs::call", Level::TRACE)
}

/// Traces one call with its result. `show` adds the arguments, each with a comma and a blank before it.
#[cold]
pub(crate) fn call(
    name: &str,
    cage: Option<c_int>,
    result: Result<i64, Errno>,
    show: impl FnOnce(i64, &mut String),
) {
    let mut arguments = String::new();
    if let Some(cage) = cage {
        let _ = write!(arguments, ", {cage}");
    }
    show(result.unwrap_or(-1), &mut arguments);
    let arguments = arguments.strip_prefix(", ").unwrap_or(&arguments);
    let result = match result {
        // Addresses and such.
        Ok(number) if number > i64::from(i32::MAX) && POINTERS.contains(&name) => format!("{number:#x}"),
        Ok(number) => number.to_string(),
        Err(errno) => format!("-1 {} ({errno})", errno.name()),
    };
    tracing::event!(target: TARGET, Level::TRACE, "{name}({arguments}) = {result}");
}

/// The calls whose results are addresses.
const POINTERS: [&str; 5] = ["imfs_opendir", "imfs_fdopendir", "imfs_readdir", "imfs_mmap", "imfs_new"];

/// Writes each event as a line on the standard error output.
struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::from("imfs: "));
        event.record(&mut line);
        line.0.push('\n');
        // One write, so that lines of several threads do not mix.
        let _ = std::io::stderr().write_all(line.0.as_bytes());
    }
}

/// The text of an event.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
