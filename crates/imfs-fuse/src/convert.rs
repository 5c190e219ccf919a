//! Between the kernel's words as `fuser` has them and ours: errno, times, types.
//!
//! Pure functions. Used by every operation.

use std::time::{Duration, SystemTime};

use imfs::abi::{Errno, FileType, SetTime, Timespec};

/// An errno.
pub(crate) fn errno(errno: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(errno.raw())
}

/// A type of file.
pub(crate) fn file_type(kind: FileType) -> fuser::FileType {
    match kind {
        FileType::Fifo => fuser::FileType::NamedPipe,
        FileType::CharDevice => fuser::FileType::CharDevice,
        FileType::Directory => fuser::FileType::Directory,
        FileType::BlockDevice => fuser::FileType::BlockDevice,
        FileType::Regular => fuser::FileType::RegularFile,
        FileType::Symlink => fuser::FileType::Symlink,
        FileType::Socket => fuser::FileType::Socket,
    }
}

/// A time stamp for an answer. Every `Timespec` has a `SystemTime` on Linux, where both are 64-bit seconds.
pub(crate) fn system_time(time: Timespec) -> SystemTime {
    let nanos = Duration::from_nanos(time.nsec.into());
    let seconds = Duration::from_secs(time.sec.unsigned_abs());
    let whole = if time.sec < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(seconds)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    };
    whole.and_then(|whole| whole.checked_add(nanos)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A time stamp of a request. For times before 1970 `fuser` subtracts the nanoseconds that the kernel adds, so they
/// are taken back from what it made.
pub(crate) fn timespec(time: SystemTime) -> Timespec {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timespec { sec: since.as_secs() as i64, nsec: since.subsec_nanos() },
        Err(before) => {
            let before = before.duration();
            Timespec { sec: (before.as_secs() as i64).wrapping_neg(), nsec: before.subsec_nanos() }
        }
    }
}

/// What a time of a `FUSE_SETATTR` is set to.
pub(crate) fn set_time(time: Option<fuser::TimeOrNow>) -> SetTime {
    match time {
        None => SetTime::Omit,
        Some(fuser::TimeOrNow::Now) => SetTime::Now,
        Some(fuser::TimeOrNow::SpecificTime(time)) => SetTime::Set(timespec(time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `system_time_from_time` of fuser 0.18.
    fn as_fuser_reads(time: Timespec) -> SystemTime {
        if time.sec >= 0 {
            SystemTime::UNIX_EPOCH + Duration::new(time.sec as u64, time.nsec)
        } else {
            SystemTime::UNIX_EPOCH - Duration::new(-time.sec as u64, time.nsec)
        }
    }

    #[test]
    fn times_of_requests_arrive() {
        for sec in [0, 1, -1, -2, i64::MAX, i64::MIN + 1] {
            for nsec in [0, 1, 300_000_000, 999_999_999] {
                let time = Timespec { sec, nsec };
                assert_eq!(timespec(as_fuser_reads(time)), time);
            }
        }
    }

    #[test]
    fn times_of_answers_arrive() {
        for sec in [0, 1, -1, -2, i64::MAX, i64::MIN] {
            for nsec in [0, 1, 999_999_999] {
                let sent = system_time(Timespec { sec, nsec });
                // `time_from_system_time` of fuser 0.18.
                let arrives = match sent.duration_since(SystemTime::UNIX_EPOCH) {
                    Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
                    Err(before) if before.duration().subsec_nanos() == 0 => {
                        ((before.duration().as_secs() as i64).wrapping_neg(), 0)
                    }
                    Err(before) => {
                        let before = before.duration();
                        (-(before.as_secs() as i64) - 1, 1_000_000_000 - before.subsec_nanos())
                    }
                };
                assert_eq!(arrives, (sec, nsec));
            }
        }
    }

    #[test]
    fn errno_values_are_linux() {
        assert_eq!(errno(Errno::ENOENT).code(), 2);
        assert_eq!(errno(Errno::ENODATA).code(), 61);
    }
}
