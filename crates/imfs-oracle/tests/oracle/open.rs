//! open(2), openat(2), creat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    kinds_by_flags(&mut out);
    out
}

fn kinds_by_flags(out: &mut Vec<Case>) {
    let flags = [O_RDONLY, O_WRONLY, O_RDWR | O_CREAT];
    for kind in KINDS {
        for f in flags {
            for (who, name) in users() {
                let look = seq![open("/w/x", f | O_NONBLOCK, 0o666), fstat(3), lseek(3, 0, SEEK_CUR)];
                out.push(Case::new(format!("{}/{f:#o}/{name}", kind.name), with(kind), as_user(who, look)));
            }
        }
    }
}
