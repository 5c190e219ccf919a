//! Bytes as choices.

/// What is left of the input. At its end all choices are 0.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    /// Some bits of a size that is small more often than not.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=191 => u64::from(small),
            pages @ 192..=223 => (u64::from(pages) - 192) << 12 | u64::from(self.byte()),
            bit @ 224..=255 => (1 << ((u64::from(bit) - 224) * 2)) + u64::from(self.byte()) - 1,
        }
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    /// Up to `most` bytes, as many as the next byte says.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.byte()).min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
