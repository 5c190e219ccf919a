//! The arguments of poll(2) and select(2).

use super::PollFlags;

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PollFd {
    /// The descriptor; a negative one is passed over.
    pub fd: i32,
    /// What is asked for.
    pub events: PollFlags,
    /// What is there.
    pub revents: PollFlags,
}

impl PollFd {
    /// Asks about `fd`.
    pub const fn new(fd: i32, events: PollFlags) -> PollFd {
        PollFd { fd, events, revents: PollFlags::empty() }
    }
}

/// A set of descriptors as select(2) has it: one bit each, in words of 64, on any target.
#[derive(Debug)]
pub struct FdSet<'a>(&'a mut [u64]);

impl<'a> FdSet<'a> {
    /// The set in these words.
    pub fn new(words: &'a mut [u64]) -> Self {
        Self(words)
    }

    /// Whether it has `fd` (`FD_ISSET`).
    pub fn contains(&self, fd: i32) -> bool {
        place(fd).is_some_and(|(word, bit)| self.0.get(word).is_some_and(|word| word & bit != 0))
    }

    /// Adds `fd` (`FD_SET`), if there is a bit for it.
    pub fn insert(&mut self, fd: i32) {
        if let Some((word, bit)) = place(fd)
            && let Some(word) = self.0.get_mut(word)
        {
            *word |= bit;
        }
    }

    /// Removes `fd` (`FD_CLR`).
    pub fn remove(&mut self, fd: i32) {
        if let Some((word, bit)) = place(fd)
            && let Some(word) = self.0.get_mut(word)
        {
            *word &= !bit;
        }
    }
}

fn place(fd: i32) -> Option<(usize, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((fd / 64, 1 << (fd % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_the_bits_they_were_given() {
        let mut words = [0; 2];
        let mut set = FdSet::new(&mut words);
        for fd in [-1, 0, 63, 64, 127, 128, i32::MAX, i32::MIN] {
            set.insert(fd);
            assert_eq!(set.contains(fd), (0..128).contains(&fd));
        }
        set.remove(64);
        set.remove(-1);
        set.remove(500);
        assert_eq!(words, [1 | 1 << 63, 1 << 63]);
    }

    #[test]
    fn a_pollfd_has_eight_bytes() {
        assert_eq!(size_of::<PollFd>(), 8);
    }
}
