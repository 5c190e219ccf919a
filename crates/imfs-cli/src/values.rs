//! Values of options: sizes, counts, modes, binds, variables and staging specs, checked as they are read.
//!
//! Responsible for their syntax and for saying what is wrong with one; used by `args` only.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use imfs_staging::Spec;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// The least size that can hold anything: one page.
const SMALLEST_SIZE: u64 = 4096;

/// Reads `123`, `64k`, `10m`, `2g` or `1t`, in either case, powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<Size, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        Some((at, 'g' | 'G')) => (&text[..at], 30),
        Some((at, 't' | 'T')) => (&text[..at], 40),
        _ => (text, 0),
    };
    let number = parse_digits(digits).ok_or("expected a number of bytes, such as 65536, 512k, 64m or 2g")?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| i64::try_from(*bytes).is_ok());
    match bytes.ok_or("more than 2^63 bytes")? {
        bytes if bytes < SMALLEST_SIZE => {
            Err(format!("too small to hold anything: give at least one page, {SMALLEST_SIZE} bytes"))
        }
        bytes => Ok(Size(bytes)),
    }
}

/// Reads a number of objects, at least one.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    match parse_digits(text) {
        Some(0) => Err("too small: the root directory alone needs one".into()),
        Some(number) => Ok(number),
        None => Err("expected a whole number".into()),
    }
}

/// `str::parse` would take a leading `+`.
fn parse_digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads permission bits in octal.
pub(crate) fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 && !text.starts_with('+') => Ok(mode),
        _ => Err("expected permission bits in octal, such as 0755 or 1777".into()),
    }
}

/// A host path shown inside at a path of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) host: PathBuf,
    pub(crate) inside: PathBuf,
}

/// Reads `HOST` or `HOST=PATH`. Only an absolute path can be the place inside.
pub(crate) fn parse_bind(text: &OsStr) -> Result<Bind, String> {
    let bytes = text.as_bytes();
    let (host, inside) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, bytes),
    };
    if host.is_empty() || inside.is_empty() {
        return Err("expected HOST or HOST=PATH".into());
    }
    if !inside.starts_with(b"/") {
        return Err("the path inside must be absolute: give HOST=/PATH".into());
    }
    if inside.split(|byte| *byte == b'/').any(|name| name == b"..") || inside.iter().all(|byte| *byte == b'/')
    {
        return Err("the path inside must name a place below / and have no '..'".into());
    }
    Ok(Bind { host: OsStr::from_bytes(host).into(), inside: OsStr::from_bytes(inside).into() })
}

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: OsString,
    pub(crate) value: OsString,
}

/// Reads `NAME=VALUE`.
pub(crate) fn parse_assignment(text: &OsStr) -> Result<Assignment, String> {
    let bytes = text.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        None | Some(0) => Err("expected NAME=VALUE".into()),
        Some(at) => Ok(Assignment {
            name: OsString::from_vec(bytes[..at].to_vec()),
            value: OsString::from_vec(bytes[at + 1..].to_vec()),
        }),
    }
}

/// Reads `PATH` or `IMFS_PATH=HOST_PATH`.
pub(crate) fn parse_spec(text: &OsStr) -> Result<Spec, String> {
    Spec::parse(text.as_bytes()).ok_or_else(|| "expected PATH or IMFS_PATH=HOST_PATH".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("4k", 4096),
            ("64K", 65536),
            ("10m", 10 << 20),
            ("3G", 3 << 30),
            ("1t", 1 << 40),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(parse_size(text), Ok(Size(bytes)), "{text}");
        }
        for text in [
            "",
            "k",
            "1%",
            "50%",
            "-1",
            "+4096",
            "4 k",
            "1.5g",
            "0x1000",
            "1kb",
            "8388608t",
            "18446744073709551616",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert!(parse_size("4095").unwrap_err().contains("one page"));
    }

    #[test]
    fn counts_and_modes() {
        assert_eq!(parse_count("1"), Ok(1));
        assert!(parse_count("0").is_err());
        assert!(parse_count("1k").is_err());
        assert_eq!(parse_mode("1777"), Ok(0o1777));
        assert_eq!(parse_mode("0"), Ok(0));
        for text in ["", "8", "10000", "+7", "rwx"] {
            assert!(parse_mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn binds() {
        let bind = |text: &str| parse_bind(OsStr::new(text));
        assert_eq!(bind("/opt"), Ok(Bind { host: "/opt".into(), inside: "/opt".into() }));
        assert_eq!(bind("data=/srv/data"), Ok(Bind { host: "data".into(), inside: "/srv/data".into() }));
        for text in ["", "=", "/a=", "=/a", "data", "/a=b", "/a=/", "/a=/b/../c", "/"] {
            assert!(bind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn assignments() {
        let assignment = parse_assignment(OsStr::new("A=b=c")).unwrap();
        assert_eq!(
            (assignment.name.as_os_str(), assignment.value.as_os_str()),
            (OsStr::new("A"), OsStr::new("b=c"))
        );
        assert!(parse_assignment(OsStr::new("A")).is_err());
        assert!(parse_assignment(OsStr::new("=b")).is_err());
    }
}
