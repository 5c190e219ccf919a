//! Arguments that are sometimes right, often at an edge, and sometimes nonsense.

use imfs::abi::{AT_FDCWD, FOwnerEx, FileCloneRange, Flock, FsXattr, Mode, SetTime, Timespec, Whence};

/// A reproducible stream of them (xorshift).
pub(crate) struct Numbers(u64);

/// Numbers at which something changes.
const EDGES: [i64; 24] = [
    0,
    1,
    2,
    30,
    31,
    32,
    255,
    4095,
    4096,
    4097,
    8192,
    65535,
    65536,
    1 << 20,
    i32::MAX as i64,
    1 << 31,
    u32::MAX as i64,
    1 << 40,
    i64::MAX - 4096,
    i64::MAX - 1,
    i64::MAX,
    -1,
    i32::MIN as i64,
    i64::MIN,
];

const NAMES: [&[u8]; 24] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"a",
    b"b",
    b"c",
    b"dir",
    b"dir",
    b"link",
    b"loop",
    b"fifo",
    b".",
    b"..",
    b"",
    b"\xff\xfe\x80",
    b"caf\xe9",
    b"with\0nul",
    b"\n",
    b"...",
    b"*",
    b"-",
    b"%s",
];

const XATTR_NAMES: [&[u8]; 14] = [
    b"user.a",
    b"user.b",
    b"user.\xff",
    b"user.",
    b"trusted.a",
    b"security.a",
    b"security.capability",
    b"system.posix_acl_access",
    b"system.posix_acl_default",
    b"system.other",
    b"other",
    b"",
    b"user.\0",
    b".",
];

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        Self(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    pub(crate) fn any(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.any() >> 16) as usize % limit
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// An offset or a length.
    pub(crate) fn size(&mut self) -> i64 {
        match self.below(8) {
            0..5 => self.below(20_000) as i64,
            5 | 6 => self.pick(&EDGES).wrapping_add(self.below(3) as i64 - 1),
            _ => self.any() as i64,
        }
    }

    pub(crate) fn int(&mut self) -> i32 {
        self.size() as i32
    }

    /// Flags: one or two bits of the low ones, none, or any.
    pub(crate) fn flags(&mut self) -> u32 {
        match self.below(6) {
            0 | 1 => 0,
            2 | 3 => 1 << self.below(16),
            4 => 1 << self.below(24) | 1 << self.below(8),
            _ => self.any() as u32,
        }
    }

    /// A descriptor: mostly one that may be open.
    pub(crate) fn fd(&mut self) -> i32 {
        match self.below(16) {
            0 => self.pick(&[-1, 0, 1, 2, 63, 64, 999, i32::MIN, i32::MAX, AT_FDCWD]),
            1 => self.any() as i32,
            _ => 3 + self.below(24) as i32,
        }
    }

    pub(crate) fn dirfd(&mut self) -> i32 {
        if self.one_in(2) { AT_FDCWD } else { self.fd() }
    }

    /// The id of a user or group.
    pub(crate) fn id(&mut self) -> u32 {
        match self.below(8) {
            0 => self.any() as u32,
            1 => u32::MAX,
            _ => self.pick(&[0, 1000, 1001]),
        }
    }

    pub(crate) fn mode(&mut self) -> Mode {
        if self.one_in(8) {
            Mode::from_bits_retain(self.any() as u32)
        } else {
            Mode::from_raw(self.pick(&[0o777, 0o755, 0o1777, 0o2775, 0o6777, 0o644, 0]))
        }
    }

    pub(crate) fn path(&mut self) -> Vec<u8> {
        match self.below(64) {
            0 => return vec![b'x'; self.pick(&[254, 255, 256, 4095, 4096, 70_000])],
            1 => return b"a/".repeat(self.pick(&[100, 2047, 2048, 5000])),
            2 => return b"../".repeat(self.below(60)),
            3 => return b"link/".repeat(self.below(60)),
            4 => return (0..self.below(40)).map(|_| self.any() as u8).collect(),
            _ => {}
        }
        let mut path = if self.one_in(2) { b"/".to_vec() } else { Vec::new() };
        for _ in 0..self.below(3) {
            path.extend(self.pick(&NAMES));
            path.extend(self.pick(&[&b"/"[..], b"/", b"//", b"/./"]));
        }
        path.extend(self.pick(&NAMES));
        if self.one_in(16) {
            path.push(b'/');
        }
        path
    }

    pub(crate) fn xattr_name(&mut self) -> Vec<u8> {
        if self.one_in(32) {
            [b"user.", &[b'n'; 300][..self.pick(&[249, 250, 251, 300])]].concat()
        } else {
            self.pick(&XATTR_NAMES).to_vec()
        }
    }

    /// The length of a buffer: whatever a caller may have.
    pub(crate) fn len(&mut self) -> usize {
        match self.below(64) {
            0 => 70_000,
            1..5 => self.pick(&[4095, 4096, 4097, 8192]),
            5..10 => 0,
            _ => self.below(300),
        }
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        vec![self.any() as u8; self.len()]
    }

    /// The value of an extended attribute: perhaps an access list, perhaps a good one.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.bytes(),
            1 => (0..self.below(60)).map(|_| self.any() as u8).collect(),
            _ => {
                let mut value = 2_u32.to_le_bytes().to_vec();
                for (tag, id) in [
                    (1_u16, u32::MAX),
                    (2, 1000),
                    (4, u32::MAX),
                    (8, 1001),
                    (0x10, u32::MAX),
                    (0x20, u32::MAX),
                ] {
                    if self.one_in(16) {
                        continue;
                    }
                    value.extend(tag.to_le_bytes());
                    value.extend((self.below(9) as u16).to_le_bytes());
                    value.extend(id.to_le_bytes());
                }
                value
            }
        }
    }

    pub(crate) fn whence(&mut self) -> Whence {
        self.pick(&[Whence::Set, Whence::Cur, Whence::End, Whence::Data, Whence::Hole])
    }

    pub(crate) fn lock(&mut self) -> Flock {
        let (kind, whence) = (self.below(4) as i16, self.below(4) as i16);
        let pid = if self.one_in(4) { self.int() } else { 0 };
        Flock { kind, whence, start: self.size(), len: self.size(), pid }
    }

    pub(crate) fn timespec(&mut self) -> Timespec {
        Timespec { sec: self.size(), nsec: if self.one_in(4) { self.any() as u32 } else { 999_999_999 } }
    }

    pub(crate) fn set_time(&mut self) -> SetTime {
        match self.below(4) {
            0 => SetTime::Now,
            1 => SetTime::Omit,
            _ => SetTime::Set(self.timespec()),
        }
    }

    pub(crate) fn owner(&mut self) -> FOwnerEx {
        FOwnerEx { kind: self.below(5) as i32 - 1, pid: self.int() }
    }

    pub(crate) fn clone_range(&mut self) -> FileCloneRange {
        FileCloneRange {
            src_fd: self.fd().into(),
            src_offset: self.size() as u64 & !4095,
            src_length: self.size() as u64 & !4095,
            dest_offset: self.size() as u64 & !4095,
        }
    }

    pub(crate) fn fsxattr(&mut self) -> FsXattr {
        FsXattr { xflags: self.flags(), projid: self.below(2) as u32, ..FsXattr::default() }
    }
}
