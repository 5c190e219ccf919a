//! copy_file_range(2).

use libc::{c_int, c_uint, off_t, size_t, ssize_t};

use crate::arguments::{Int, Num, Out, Size};

/// copy_file_range(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_copy_file_range(
    cage_id: c_int,
    fd_in: c_int,
    off_in: *mut off_t,
    fd_out: c_int,
    off_out: *mut off_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    call!(copy_file_range(
        cage_id,
        fd_in: Int,
        off_in: Out<off_t>,
        fd_out: Int,
        off_out: Out<off_t>,
        len: Size,
        flags: Num<c_uint>
    ) => |cage| {
        let mut from = off_in.get_if_any()?;
        let mut to = off_out.get_if_any()?;
        let copied = cage.copy_file_range(fd_in, from.as_mut(), fd_out, to.as_mut(), len, flags)?;
        from.map_or(Ok(()), |place| off_in.put(place))?;
        to.map_or(Ok(()), |place| off_out.put(place))?;
        Ok(copied)
    })
}
