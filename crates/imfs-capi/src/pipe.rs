//! pipe(2), pipe2(2).

use libc::c_int;

use crate::arguments::{Open, Out};

/// pipe(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pipe(cage_id: c_int, pipefd: *mut c_int) -> c_int {
    let pipefd = pipefd.cast();
    call!(pipe(cage_id, pipefd: Out<[c_int; 2]>) => |cage| {
        // Checked first, so that no descriptor has to be taken back.
        pipefd.check()?;
        pipefd.put(cage.pipe()?)
    })
}

/// pipe2(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pipe2(cage_id: c_int, pipefd: *mut c_int, flags: c_int) -> c_int {
    let pipefd = pipefd.cast();
    call!(pipe2(cage_id, pipefd: Out<[c_int; 2]>, flags: Open) => |cage| {
        pipefd.check()?;
        pipefd.put(cage.pipe2(flags)?)
    })
}
