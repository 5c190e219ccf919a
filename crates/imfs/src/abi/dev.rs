//! Device numbers and their encodings.

/// A device number: major and minor.
///
/// User space keeps it in 64 bits (`dev_t` of glibc, [`Dev::raw`]); the kernel's new encoding packs 12 bits of major
/// and 20 of minor in 32 bits ([`Dev::encode32`]), which is what mknod(2) and `st_rdev` can carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dev {
    major: u32,
    minor: u32,
}

impl Dev {
    /// makedev(3).
    pub const fn new(major: u32, minor: u32) -> Dev {
        Dev { major, minor }
    }

    /// major(3).
    pub const fn major(self) -> u32 {
        self.major
    }

    /// minor(3).
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// The 64-bit `dev_t` of glibc; equal to [`Dev::encode32`] if major and minor fit in that.
    pub const fn raw(self) -> u64 {
        let (major, minor) = (self.major as u64, self.minor as u64);
        (major & 0xfff) << 8 | (major & 0xffff_f000) << 32 | (minor & 0xff) | (minor & 0xffff_ff00) << 12
    }

    /// The device of a 64-bit `dev_t`.
    pub const fn from_raw(raw: u64) -> Dev {
        Dev {
            major: ((raw >> 8) & 0xfff | (raw >> 32) & 0xffff_f000) as u32,
            minor: (raw & 0xff | (raw >> 12) & 0xffff_ff00) as u32,
        }
    }

    /// The kernel's `new_encode_dev`: 12 bits of major, 20 of minor.
    pub const fn encode32(self) -> u32 {
        (self.minor & 0xff) | (self.major & 0xfff) << 8 | (self.minor & 0xfff00) << 12
    }

    /// The kernel's `new_decode_dev`, as mknod(2) applies it to its argument.
    pub const fn decode32(raw: u32) -> Dev {
        Dev { major: (raw & 0xfff00) >> 8, minor: (raw & 0xff) | (raw >> 12) & 0xfff00 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_go_both_ways() {
        for dev in [Dev::new(0, 0), Dev::new(1, 3), Dev::new(0xfff, 0xfffff), Dev::new(8, 256)] {
            assert_eq!(Dev::from_raw(dev.raw()), dev);
            assert_eq!(Dev::decode32(dev.encode32()), dev);
            assert_eq!(u64::from(dev.encode32()), dev.raw());
        }
        let large = Dev::new(0x1234_5678, 0x9abc_def0);
        assert_eq!(Dev::from_raw(large.raw()), large);
    }
}
