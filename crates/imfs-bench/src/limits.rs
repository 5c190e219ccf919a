//! What the hardware allows: memcpy in the pattern of an operation.

use crate::measure::{Clock, Sample};
use crate::ops::{LARGE, Op, PAGE, next};

/// memcpy as the operation would do at best; `None` where it is no limit.
pub(crate) fn memcpy(name: &str) -> Option<Op<'static>> {
    let mut page = vec![7_u8; PAGE];
    let mut large = vec![7_u8; LARGE];
    let (mut at, mut random) = (0, 0x2545_f491_4f6c_dd1d_u64);
    let count = if name.starts_with("seq") { LARGE / PAGE } else { 4000 };
    let run: Box<dyn FnMut()> = match name {
        "pread_4k" => Box::new(move || copy(&mut page, &large[8192..][..PAGE])),
        "pwrite_4k" => Box::new(move || copy(&mut large[8192..][..PAGE], &page)),
        "random_pread_4k" => Box::new(move || {
            let at = next(&mut random) as usize % (LARGE / PAGE) * PAGE;
            copy(&mut page, &large[at..][..PAGE]);
        }),
        "seq_read" => Box::new(move || {
            copy(&mut page, &large[at..][..PAGE]);
            at = (at + PAGE) % LARGE;
        }),
        "seq_write_reused" => Box::new(move || {
            copy(&mut large[at..][..PAGE], &page);
            at = (at + PAGE) % LARGE;
        }),
        _ => return None,
    };
    Some(Op { count, before: Box::new(|| ()), run, after: Box::new(|| ()) })
}

/// memcpy into memory that was never touched.
pub(crate) fn fresh_memcpy(sample: &mut Sample) {
    let page = vec![7_u8; PAGE];
    // Zeroed by the allocator means mapped afresh, at this size.
    let mut large = vec![0_u8; LARGE];
    let mut at = 0;
    let mut op = Op {
        count: LARGE / PAGE,
        before: Box::new(|| ()),
        run: Box::new(|| {
            copy(&mut large[at..][..PAGE], &page);
            at += PAGE;
        }),
        after: Box::new(|| ()),
    };
    sample.batch(&mut op, Clock::Thread);
}

/// A copy that the compiler can neither drop nor merge with another.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    to.copy_from_slice(std::hint::black_box(from));
    std::hint::black_box(to);
}
