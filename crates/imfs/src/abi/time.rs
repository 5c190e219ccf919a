//! Points in time, and what utimensat(2) may set a time to.

use super::{Errno, Result};

/// `tv_nsec` that stands for the current time.
pub const UTIME_NOW: i64 = 0x3fff_ffff;
/// `tv_nsec` that leaves the time as it is.
pub const UTIME_OMIT: i64 = 0x3fff_fffe;

/// Seconds and nanoseconds since 1970; times before it have negative seconds and still add `nsec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespec {
    /// Whole seconds.
    pub sec: i64,
    /// Nanoseconds on top, below 1,000,000,000.
    pub nsec: u32,
}

impl Timespec {
    /// The time of `sec` seconds and `nsec` nanoseconds.
    ///
    /// `EINVAL`: `nsec` is not in 0 to 999,999,999.
    pub const fn new(sec: i64, nsec: i64) -> Result<Timespec> {
        if nsec < 0 || nsec > 999_999_999 {
            return Err(Errno::EINVAL);
        }
        Ok(Timespec { sec, nsec: nsec as u32 })
    }

    /// The time of a `struct timeval` (utimes(2)).
    ///
    /// `EINVAL`: `usec` is not in 0 to 999,999.
    pub const fn from_micros(sec: i64, usec: i64) -> Result<Timespec> {
        if usec < 0 || usec > 999_999 {
            return Err(Errno::EINVAL);
        }
        Ok(Timespec { sec, nsec: usec as u32 * 1000 })
    }
}

/// What utimensat(2) sets a time to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetTime {
    /// The current time (`UTIME_NOW`).
    Now,
    /// Nothing: leave it as it is (`UTIME_OMIT`).
    Omit,
    /// This time.
    Set(Timespec),
}

impl SetTime {
    /// A `struct timespec` as utimensat(2) takes it.
    ///
    /// `EINVAL`: `nsec` is neither a special value nor in 0 to 999,999,999.
    pub const fn from_raw(sec: i64, nsec: i64) -> Result<SetTime> {
        match nsec {
            UTIME_NOW => Ok(SetTime::Now),
            UTIME_OMIT => Ok(SetTime::Omit),
            _ => match Timespec::new(sec, nsec) {
                Ok(time) => Ok(SetTime::Set(time)),
                Err(e) => Err(e),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_checked() {
        assert_eq!(SetTime::from_raw(5, UTIME_NOW), Ok(SetTime::Now));
        assert_eq!(SetTime::from_raw(5, UTIME_OMIT), Ok(SetTime::Omit));
        assert_eq!(
            SetTime::from_raw(-5, 999_999_999),
            Ok(SetTime::Set(Timespec { sec: -5, nsec: 999_999_999 }))
        );
        assert_eq!(SetTime::from_raw(0, 1_000_000_000), Err(Errno::EINVAL));
        assert_eq!(SetTime::from_raw(0, -1), Err(Errno::EINVAL));
        assert_eq!(Timespec::from_micros(1, 1_000_000), Err(Errno::EINVAL));
        assert_eq!(Timespec::from_micros(1, 2), Timespec::new(1, 2000));
    }

    #[test]
    fn order_is_that_of_time() {
        let t = |sec, nsec| Timespec { sec, nsec };
        assert!(t(-1, 999_999_999) < t(0, 0));
        assert!(t(0, 1) > t(0, 0));
    }
}
