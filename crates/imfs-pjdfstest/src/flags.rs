//! The names that scripts use for flags, limits and numbers.

use imfs::abi::{AtFlags, OFlags, limits};

/// A set of names with their values.
pub(crate) type Names = [(&'static str, u32)];

/// The flags of open and openat.
pub(crate) const OPEN: &Names = &[
    ("O_RDONLY", OFlags::RDONLY.bits()),
    ("O_WRONLY", OFlags::WRONLY.bits()),
    ("O_RDWR", OFlags::RDWR.bits()),
    ("O_NONBLOCK", OFlags::NONBLOCK.bits()),
    ("O_APPEND", OFlags::APPEND.bits()),
    ("O_CREAT", OFlags::CREAT.bits()),
    ("O_TRUNC", OFlags::TRUNC.bits()),
    ("O_EXCL", OFlags::EXCL.bits()),
    ("O_DIRECT", OFlags::DIRECT.bits()),
    ("O_FSYNC", OFlags::SYNC.bits()),
    ("O_SYNC", OFlags::SYNC.bits()),
    ("O_NOFOLLOW", OFlags::NOFOLLOW.bits()),
    ("O_NOCTTY", OFlags::NOCTTY.bits()),
    ("O_DIRECTORY", OFlags::DIRECTORY.bits()),
    ("O_CLOEXEC", OFlags::CLOEXEC.bits()),
    ("O_PATH", OFlags::PATH.bits()),
    ("O_TMPFILE", OFlags::TMPFILE.bits()),
];

/// The flags of unlinkat.
pub(crate) const UNLINK: &Names = &[("AT_REMOVEDIR", AtFlags::REMOVEDIR.bits())];
/// The flags of linkat.
pub(crate) const LINK: &Names = &[("AT_SYMLINK_FOLLOW", AtFlags::SYMLINK_FOLLOW.bits())];
/// The flags of fchmodat, fchownat, fstatat and utimensat.
pub(crate) const NOFOLLOW: &Names = &[("AT_SYMLINK_NOFOLLOW", AtFlags::SYMLINK_NOFOLLOW.bits())];

/// The limits of pathconf.
pub(crate) const LIMITS: &Names = &[
    ("_PC_LINK_MAX", limits::PC_LINK_MAX as u32),
    ("_PC_NAME_MAX", limits::PC_NAME_MAX as u32),
    ("_PC_PATH_MAX", limits::PC_PATH_MAX as u32),
    ("_PC_SYMLINK_MAX", limits::PC_SYMLINK_MAX as u32),
];

/// The value of flags with `,` or `|` between them; `none` and `0` are none. An unknown one is the error.
pub(crate) fn parse<'a>(names: &Names, text: &'a [u8]) -> Result<u32, &'a [u8]> {
    if text == b"none" || text == b"0" {
        return Ok(0);
    }
    let flags = text.split(|byte| matches!(byte, b',' | b'|')).filter(|flag| !flag.is_empty());
    flags.into_iter().try_fold(0, |all, flag| Ok(all | find(names, flag).ok_or(flag)?))
}

/// The value of a name.
pub(crate) fn find(names: &Names, name: &[u8]) -> Option<u32> {
    names.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, value)| *value)
}

/// A whole number as strtoll(3) reads it with base 0; `None` if something follows that is no blank.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (base, text) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', _, ..] => (8, text),
        _ => (10, text),
    };
    let end = text.iter().position(|byte| !char::from(*byte).is_digit(base)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        let digit = i64::from(char::from(*digit).to_digit(base).unwrap_or(0));
        value.saturating_mul(i64::from(base)).saturating_add(digit)
    });
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(parse(OPEN, b"O_CREAT,O_WRONLY|O_EXCL"), Ok(0o301));
        assert_eq!((parse(OPEN, b"none"), parse(OPEN, b"0"), parse(OPEN, b"")), (Ok(0), Ok(0), Ok(0)));
        assert_eq!(parse(LINK, b"AT_REMOVEDIR"), Err(&b"AT_REMOVEDIR"[..]));
        assert_eq!(
            (number(b"0644"), number(b"0x1F"), number(b"-1"), number(b"0")),
            (Some(420), Some(31), Some(-1), Some(0))
        );
        assert_eq!((number(b"12 "), number(b"12x"), number(b"")), (Some(12), None, Some(0)));
        assert_eq!(number(b"99999999999999999999"), Some(i64::MAX));
    }
}
