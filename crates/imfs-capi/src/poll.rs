//! poll(2), ppoll(2), select(2), pselect(2).
//!
//! The signal masks of ppoll(2) and pselect(2) are missing: signals are the host's.

use imfs::Cage;
use imfs::abi::{Errno, FdSet, PollFd, Result, Timespec};
use libc::{c_int, fd_set, nfds_t, pollfd, timespec, timeval};

use crate::arguments::{Array, Int, MaybeArray, Num, Out, Place, Pointer};

/// poll(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_poll(cage_id: c_int, fds: *mut pollfd, nfds: nfds_t, timeout: c_int) -> c_int {
    let fds = fds.cast_const();
    call!(wait poll(cage_id, fds: Array<pollfd>, nfds: Num<nfds_t>, timeout: Int) => |cage| {
        with_pollfds(cage, fds, nfds, |list| cage.poll(list, timeout))
    })
}

/// ppoll(2) without a signal mask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_ppoll(
    cage_id: c_int,
    fds: *mut pollfd,
    nfds: nfds_t,
    timeout: *const timespec,
) -> c_int {
    let fds = fds.cast_const();
    call!(wait ppoll(cage_id, fds: Array<pollfd>, nfds: Num<nfds_t>, timeout: MaybeArray<timespec, 1>) => |cage| {
        let timeout = timeout.map(|[time]| Timespec::new(time.tv_sec, time.tv_nsec)).transpose()?;
        with_pollfds(cage, fds, nfds, |list| cage.ppoll(list, timeout))
    })
}

fn with_pollfds(
    cage: &Cage,
    fds: Pointer,
    count: nfds_t,
    poll: impl FnOnce(&mut [PollFd]) -> Result<usize>,
) -> Result<c_int> {
    const { assert!(size_of::<PollFd>() == size_of::<pollfd>()) };
    // Before anything is read, as in the kernel: a count can be wild too.
    let count = usize::try_from(count).ok().filter(|count| *count <= cage.nofile()).ok_or(Errno::EINVAL)?;
    let bytes = fds.memory(count * size_of::<PollFd>()).to_vec(usize::MAX)?;
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    list.extend(bytes.chunks_exact(size_of::<PollFd>()).map(|one| {
        let fd = i32::from_ne_bytes([one[0], one[1], one[2], one[3]]);
        PollFd::new(fd, imfs::abi::PollFlags::from_bits_retain(u16::from_ne_bytes([one[4], one[5]])))
    }));
    let ready = poll(&mut list)?;
    for (at, one) in list.iter().enumerate() {
        let place = fds.element::<pollfd>(at);
        place.put(pollfd {
            fd: one.fd,
            events: one.events.bits() as i16,
            revents: one.revents.bits() as i16,
        })?;
    }
    Ok(ready as c_int)
}

/// select(2). Unlike the system call it leaves `timeout` as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_select(
    cage_id: c_int,
    nfds: c_int,
    readfds: *mut fd_set,
    writefds: *mut fd_set,
    exceptfds: *mut fd_set,
    timeout: *const timeval,
) -> c_int {
    call!(wait select(
        cage_id,
        nfds: Int,
        readfds: Out<fd_set>,
        writefds: Out<fd_set>,
        exceptfds: Out<fd_set>,
        timeout: MaybeArray<timeval, 1>
    ) => |cage| {
        // As the kernel: more than a second's worth of microseconds is well formed here.
        let timeout = timeout.map(|[time]| {
            let sec = time.tv_sec.checked_add(time.tv_usec / 1_000_000).ok_or(Errno::EINVAL)?;
            Timespec::new(sec, time.tv_usec % 1_000_000 * 1000)
        });
        select(cage, nfds, [readfds, writefds, exceptfds], timeout.transpose()?)
    })
}

/// pselect(2) without a signal mask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pselect(
    cage_id: c_int,
    nfds: c_int,
    readfds: *mut fd_set,
    writefds: *mut fd_set,
    exceptfds: *mut fd_set,
    timeout: *const timespec,
) -> c_int {
    call!(wait pselect(
        cage_id,
        nfds: Int,
        readfds: Out<fd_set>,
        writefds: Out<fd_set>,
        exceptfds: Out<fd_set>,
        timeout: MaybeArray<timespec, 1>
    ) => |cage| {
        let timeout = timeout.map(|[time]| Timespec::new(time.tv_sec, time.tv_nsec)).transpose()?;
        select(cage, nfds, [readfds, writefds, exceptfds], timeout)
    })
}

/// A set of C as words: bit n of word w is the descriptor 64 w + n, on every host of 64 bits.
type Words = [u64; size_of::<fd_set>() / 8];

fn select(cage: &Cage, nfds: c_int, places: [Place<fd_set>; 3], timeout: Option<Timespec>) -> Result<c_int> {
    // A program with larger sets of its own making would be misunderstood; FD_SETSIZE is what its type has.
    if nfds > libc::FD_SETSIZE as c_int {
        return Err(Errno::EINVAL);
    }
    let mut words: [Option<Words>; 3] = [None; 3];
    for (words, place) in words.iter_mut().zip(places) {
        if !place.is_null() {
            *words = Some(place.cast::<Words>().get()?);
        }
    }
    let [read, write, except] = &mut words;
    let sets = [read, write, except].map(|words| words.as_mut().map(|words| FdSet::new(words)));
    let ready = cage.select(nfds, sets, timeout)?;
    for (words, place) in words.into_iter().zip(places) {
        if let Some(words) = words {
            place.cast::<Words>().put(words)?;
        }
    }
    Ok(ready as c_int)
}
