//! Argument types of [`crate::call::Call`] and how each is printed as a Rust expression.
//!
//! Knows neither side of the comparison. What is printed can be pasted into a table as it stands.

use std::fmt::Write as _;

/// A path, a name or a short piece of data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

/// Bytes to write: given as they are, or as a pattern that is cheap to print.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Data {
    /// The bytes themselves.
    Lit(Vec<u8>),
    /// `len` bytes that depend on `seed` and on the position.
    Pattern {
        /// How many bytes.
        len: usize,
        /// Which pattern.
        seed: u8,
    },
}

/// A pattern of `len` bytes.
pub fn data(len: usize, seed: u8) -> Data {
    Data::Pattern { len, seed }
}

/// `count` times the same byte, for names and paths that are too long.
pub fn rep(byte: u8, count: usize) -> Bytes {
    Bytes(vec![byte; count])
}

impl Data {
    /// The bytes that it stands for.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Data::Lit(b) => b.clone(),
            Data::Pattern { len, seed } => {
                (0..*len).map(|i| seed.wrapping_add((i % 251) as u8).wrapping_add((i >> 12) as u8)).collect()
            }
        }
    }
}

/// How a constructor of a call takes an argument of type `T`.
pub trait Arg<T> {
    /// The argument itself.
    fn get(self) -> T;
}

impl<S: AsRef<[u8]>> Arg<Bytes> for S {
    fn get(self) -> Bytes {
        Bytes(self.as_ref().to_vec())
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Arg<Data> for Data {
    fn get(self) -> Data {
        self
    }
}

impl Arg<Data> for &str {
    fn get(self) -> Data {
        Data::Lit(self.as_bytes().to_vec())
    }
}

/// One time stamp argument of `utimensat`: seconds and nanoseconds as they are passed.
pub type Time = (i64, i64);

macro_rules! same {
    ($($t:ty),*) => { $(impl Arg<$t> for $t { fn get(self) -> $t { self } })* };
}
same!(u8, i16, u16, i32, u32, i64, u64, usize, bool, Option<i64>, Option<[Time; 2]>, Vec<usize>, Vec<Data>);
same!(Vec<u32>, Vec<(i32, i16)>);

impl<S: AsRef<[u8]>> Arg<Option<Bytes>> for Option<S> {
    fn get(self) -> Option<Bytes> {
        self.map(|s| Bytes(s.as_ref().to_vec()))
    }
}

/// Prints an argument as the Rust expression that makes it.
pub trait Show {
    /// The expression.
    fn show(&self) -> String;
}

macro_rules! show_debug {
    ($($t:ty),*) => { $(impl Show for $t { fn show(&self) -> String { format!("{self:?}") } })* };
}
show_debug!(u8, i16, u16, i32, i64, usize, bool, Option<i64>, Option<[Time; 2]>);

impl Show for u32 {
    fn show(&self) -> String {
        if *self == u32::MAX { "u32::MAX".into() } else { format!("{self:?}") }
    }
}

impl Show for u64 {
    fn show(&self) -> String {
        if *self > u64::from(u32::MAX) { format!("{self:#x}") } else { format!("{self}") }
    }
}

fn literal(bytes: &[u8]) -> String {
    if bytes.len() > 40 && bytes.iter().all(|b| *b == bytes[0]) {
        return format!("rep({}, {})", bytes[0], bytes.len());
    }
    let mut s = String::new();
    for b in bytes {
        match b {
            b'"' | b'\\' => write!(s, "\\{}", *b as char),
            0x20..=0x7e => write!(s, "{}", *b as char),
            _ => write!(s, "\\x{b:02x}"),
        }
        .expect("a String takes everything");
    }
    if bytes.is_ascii() { format!("\"{s}\"") } else { format!("b\"{s}\"") }
}

impl Show for Bytes {
    fn show(&self) -> String {
        literal(&self.0)
    }
}

impl Show for Option<Bytes> {
    fn show(&self) -> String {
        match self {
            Some(b) => format!("Some({})", b.show()),
            None => "None::<&str>".into(),
        }
    }
}

impl Show for Data {
    fn show(&self) -> String {
        match self {
            Data::Lit(b) => literal(b),
            Data::Pattern { len, seed } => format!("data({len}, {seed})"),
        }
    }
}

macro_rules! show_list {
    ($($t:ty),*) => { $(impl Show for Vec<$t> { fn show(&self) -> String { list(self) } })* };
}
show_list!(usize, u32);

fn list<T: PartialEq + std::fmt::Debug>(numbers: &[T]) -> String {
    match numbers {
        [first, rest @ ..] if rest.len() > 40 && rest.iter().all(|n| n == first) => {
            format!("vec![{first:?}; {}]", numbers.len())
        }
        _ => format!("vec!{numbers:?}"),
    }
}

impl Show for Vec<Data> {
    fn show(&self) -> String {
        let parts: Vec<String> = self
            .iter()
            .map(|d| match d {
                Data::Lit(b) => format!("Data::Lit({}.to_vec())", literal(b).replacen('"', "b\"", 1)),
                _ => d.show(),
            })
            .collect();
        format!("vec![{}]", parts.join(", "))
    }
}

impl Show for Vec<(i32, i16)> {
    fn show(&self) -> String {
        format!("vec!{self:?}")
    }
}

type Names = &'static [(i64, &'static str)];

macro_rules! names {
    ($($n:ident)*) => { &[$((libc::$n as i64, stringify!($n))),*] };
}

const OPEN: Names = names!(O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_DIRECT
    O_TMPFILE O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH);
const AT: Names = names!(AT_SYMLINK_NOFOLLOW AT_SYMLINK_FOLLOW AT_EMPTY_PATH AT_NO_AUTOMOUNT);
const RENAME: Names = names!(RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT);
const RESOLVE: Names = names!(RESOLVE_NO_XDEV RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_BENEATH RESOLVE_IN_ROOT
    RESOLVE_CACHED);
const FALLOC: Names = names!(FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_COLLAPSE_RANGE FALLOC_FL_ZERO_RANGE
    FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE);

fn flags(value: i64, names: Names) -> String {
    let mut left = value;
    let mut parts = Vec::new();
    let mut ordered: Vec<_> = names.to_vec();
    ordered.sort_by_key(|(bits, _)| std::cmp::Reverse(bits.count_ones()));
    for (bits, name) in ordered {
        if bits != 0 && left & bits == bits {
            parts.push(name.to_string());
            left &= !bits;
        }
    }
    if left != 0 || parts.is_empty() {
        parts.push(if left < 0 { format!("{left}") } else { format!("{left:#x}") });
    }
    parts.join(" | ")
}

/// Plain form of any argument.
pub(crate) fn plain<T: Show>(v: &T) -> String {
    v.show()
}

/// Mode bits in octal.
pub(crate) fn oct<T: Copy + Into<u64>>(v: &T) -> String {
    format!("0o{:o}", (*v).into())
}

/// A directory descriptor.
pub(crate) fn dirfd(v: &i32) -> String {
    if *v == libc::AT_FDCWD { "AT_FDCWD".into() } else { v.to_string() }
}

macro_rules! flag_printers {
    ($($(#[$m:meta])* $name:ident: $t:ty = $names:expr;)*) => {
        $($(#[$m])* pub(crate) fn $name(v: &$t) -> String { flags(*v as i64, $names) })*
    };
}
flag_printers! {
    /// Flags of `open`.
    oflags: i32 = OPEN;
    /// Flags of the `*at` calls.
    atflags: i32 = AT;
    /// Flags of `renameat2`.
    rename_flags: u32 = RENAME;
    /// Modes of `fallocate`.
    falloc: i32 = FALLOC;
}

/// `open_how.flags` of `openat2`.
pub(crate) fn oflags64(v: &u64) -> String {
    flags(*v as i64, OPEN).replace("O_", "OH_").replace("OH_", "O_") + " as u64"
}

/// `open_how.resolve` of `openat2`.
pub(crate) fn resolve(v: &u64) -> String {
    flags(*v as i64, RESOLVE)
}
