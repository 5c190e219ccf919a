//! fallocate(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    full(&mut t);
    let punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    // tmpfs allocates and punches; what else we do is stated below.
    for mode in [0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, punch] {
        for (off, len) in [(0, 1), (0, 4096), (0, 10_000), (100, 200), (4000, 200), (4096, 4096), (4000, 9000), (9_999, 1), (10_000, 1), (12_288, 4096), (50_000, 10_000),
            (0, 0), (0, -1), (-1, 10), (10, -10), (i64::MAX, 1), (i64::MAX - 10, 5), (1 << 40, 1), (i64::MAX - 4096, 4096), (0, 1 << 30), (0, i64::MAX)] {
            let setup = seq![creat("/f", 0o644), write(3, data(10_000, 1)), ftruncate(3, 20_000), open("/f", O_RDWR, 0)];
            t.add(format!("mode {mode:#x} at {off} for {len}"), setup, seq![fallocate(4, mode, off, len), fstat(4), read(4, 30_000), lseek(4, 0, SEEK_CUR), lseek(4, 0, SEEK_HOLE), statfs("/")]);
        }
        t.each_kind(format!("mode {mode:#x}"), || seq![open("/w/x", O_RDWR | O_NONBLOCK, 0), fallocate(3, mode, 0, 5000), fallocate(9, mode, 0, 1)]);
        for flags in [O_RDONLY, O_WRONLY, O_RDWR | O_APPEND, O_PATH] {
            t.add(format!("mode {mode:#x} opened {flags:#o}"), seq![creat("/f", 0o644), close(3), open("/f", flags, 0)], seq![fallocate(3, mode, 0, 5000), fstat(3)]);
        }
        t.add(format!("mode {mode:#x} on a pipe"), seq![pipe()], seq![fallocate(4, mode, 0, 1), fallocate(3, mode, 0, 1)]);
    }
    for mode in [0x4, 0x80, 0x100, -1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE] {
        t.add(format!("mode {mode:#x}"), seq![creat("/f", 0o644), write(3, data(10_000, 1))], seq![fallocate(3, mode, 0, 4096), fstat(3), fallocate(3, mode, 0, -1)]);
    }
    for (mode, n) in [(0, 40_000), (FALLOC_FL_KEEP_SIZE, 40_000), (0, 100_000), (FALLOC_FL_KEEP_SIZE, 100_000)] {
        let case = Case::new(format!("full, mode {mode:#x} for {n}"), seq![creat("/f", 0o644), write(3, data(30_000, 1))], seq![fallocate(3, mode, 0, n), fstat(3), statfs("/"), fallocate(3, mode, 20_000, n), fstat(3), statfs("/")]);
        t.push(case.limits(65_536, 50));
    }
    t.add("allocated pages stay after truncate to the end", seq![creat("/f", 0o644)], seq![fallocate(3, FALLOC_FL_KEEP_SIZE, 0, 40_960), fstat(3), ftruncate(3, 0), fstat(3), statfs("/")]);
    t.add("written into the allocated", seq![creat("/f", 0o644)], seq![fallocate(3, 0, 0, 40_960), pwrite(3, "abc", 5000), fstat(3), statfs("/"), fallocate(3, punch, 4096, 4096), fstat(3), statfs("/")]);
    t.add("stamps", seq![creat("/f", 0o644), write(3, data(10_000, 1))], seq![fallocate(3, 0, 0, 100), fstat(3), fallocate(3, FALLOC_FL_KEEP_SIZE, 0, 50_000), fstat(3), fallocate(3, 0, 0, 50_000), fstat(3), fallocate(3, punch, 0, 10), fstat(3), fallocate(3, punch, 1 << 30, 10), fstat(3)]);
    beyond_tmpfs(&mut t);
    t
}

/// tmpfs answers EOPNOTSUPP to these; ext4 and XFS are the model.
fn beyond_tmpfs(t: &mut Vec<Case>) {
    let setup = || seq![open("/f", O_RDWR | O_CREAT, 0o644), write(3, data(4096, b'a')), write(3, data(4096, b'k')), write(3, data(4096, b'u'))];
    let page = |seed| imfs_oracle::outcome::bytes(&data(100, seed).bytes());
    let (a, k, u) = (page(b'a'), page(b'k'), page(b'u'));
    let zeros = imfs_oracle::outcome::bytes(&[0; 100]);
    let value = |note: &str| format!("100 {note}");
    let mut stated = |name: &str, steps: Vec<(Step, String)>| {
        let steps: Vec<_> = steps.iter().map(|(s, o)| (s.clone(), o.as_str())).collect();
        t.push(Case::stated(name, setup(), steps));
    };
    let ok = || "0".to_string();
    stated("collapse", vec![
        (fallocate(3, FALLOC_FL_COLLAPSE_RANGE, 4096, 4096).into(), ok()),
        (lseek(3, 0, SEEK_END).into(), "8192".into()),
        (pread(3, 100, 0).into(), value(&a)),
        (pread(3, 100, 4096).into(), value(&u)),
        (fallocate(3, FALLOC_FL_COLLAPSE_RANGE, 4096, 4096).into(), "EINVAL".into()),
        (fallocate(3, FALLOC_FL_COLLAPSE_RANGE, 0, 4095).into(), "EINVAL".into()),
        (fallocate(3, FALLOC_FL_COLLAPSE_RANGE, 1, 4096).into(), "EINVAL".into()),
        (fallocate(3, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096).into(), "EOPNOTSUPP".into()),
    ]);
    stated("insert", vec![
        (fallocate(3, FALLOC_FL_INSERT_RANGE, 4096, 4096).into(), ok()),
        (lseek(3, 0, SEEK_END).into(), "16384".into()),
        (pread(3, 100, 4096).into(), value(&zeros)),
        (pread(3, 100, 8192).into(), value(&k)),
        (fallocate(3, FALLOC_FL_INSERT_RANGE, 16_384, 4096).into(), "EINVAL".into()),
        (fallocate(3, FALLOC_FL_INSERT_RANGE, 0, 100).into(), "EINVAL".into()),
        (fallocate(3, FALLOC_FL_INSERT_RANGE, 0, i64::MAX - 4095).into(), "EFBIG".into()),
    ]);
    stated("zero", vec![
        (fallocate(3, FALLOC_FL_ZERO_RANGE, 4000, 200).into(), ok()),
        (pread(3, 100, 4050).into(), value(&zeros)),
        (pread(3, 100, 8192).into(), value(&u)),
        (lseek(3, 0, SEEK_END).into(), "12288".into()),
        (fallocate(3, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 8192, 8192).into(), ok()),
        (lseek(3, 0, SEEK_END).into(), "12288".into()),
        (pread(3, 100, 8192).into(), value(&zeros)),
        (fallocate(3, FALLOC_FL_ZERO_RANGE, 12_288, 4096).into(), ok()),
        (lseek(3, 0, SEEK_END).into(), "16384".into()),
    ]);
}

/// Allocations that meet the limit, of 16 pages: what was allocated before, up to the page that there is no space for, has
/// been allocated twice by then.
fn full(t: &mut Vec<Case>) {
    let keep = |off: i64, len: i64| fallocate(3, FALLOC_FL_KEEP_SIZE, off * 4096, len * 4096);
    let p = 4096;
    for (off, len) in [(0, 16), (0, 17), (0, 12), (2, 10), (3, 9), (4, 8), (0, 5), (1, 20), (8, 16), (12, 16)] {
        let setup = seq![open("/g", O_RDWR | O_CREAT, 0o644), write(3, data(5 * p, 1)), open("/f", O_RDWR | O_CREAT, 0o644), close(3), dup2(4, 3), pwrite(3, "x", 9 * p as i64), keep(0, 1), keep(2, 2), keep(10, 1), keep(14, 1)];
        let mut look = vec![fallocate(3, 0, off * 4096, len * 4096), statfs("/"), fstat(3), ftruncate(3, 20 * 4096), fstat(3)];
        for at in 0..17 {
            look.push(lseek(3, at * 4096, SEEK_DATA));
        }
        let look: Vec<Step> = look.into_iter().map(Step::from).collect();
        t.push(Case::new(format!("full, {len} pages at {off}"), setup.clone(), look.clone()).limits(65_536, 100));
        t.push(Case::new(format!("full, {len} pages at {off}, mapped"), chain([setup, seq![mmap(0, 3, 0, 4096, PROT_READ, MAP_SHARED)]]), look).limits(65_536, 100));
    }
}
