//! sendfile(2).

use libc::{c_int, off_t, size_t, ssize_t};

use crate::arguments::{Int, Out, Size};

/// sendfile(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_sendfile(
    cage_id: c_int,
    out_fd: c_int,
    in_fd: c_int,
    offset: *mut off_t,
    count: size_t,
) -> ssize_t {
    call!(wait sendfile(cage_id, out_fd: Int, in_fd: Int, offset: Out<off_t>, count: Size) => |cage| {
        let mut place = offset.get_if_any()?;
        let copied = cage.sendfile(out_fd, in_fd, place.as_mut(), count)?;
        place.map_or(Ok(()), |place| offset.put(place))?;
        Ok(copied)
    })
}
