//! Who a request comes from.
//!
//! With `default_permissions` the kernel has checked what a caller may before it asks, with all the caller's groups and
//! capabilities, of which a request shows only user and group. So operations run with these, as the owner of what they
//! make, and with all capabilities. Where the kernel leaves set-id bits to the file system, `CAP_FSETID` is taken away.

use std::fs;

use fuser::Request;
use imfs::inode::{Capabilities, Credentials};

/// The caller, for whom the kernel has checked everything.
pub(crate) fn checked(request: &Request) -> Credentials {
    let mut credentials = Credentials::new(request.uid(), request.gid());
    credentials.permitted = Capabilities::all();
    credentials.effective = Capabilities::all();
    credentials
}

/// The same, but a change takes set-id bits away as it does for those who have no `CAP_FSETID`.
pub(crate) fn without_fsetid(request: &Request) -> Credentials {
    let mut credentials = checked(request);
    credentials.permitted.remove(Capabilities::FSETID);
    credentials.effective.remove(Capabilities::FSETID);
    credentials
}

/// The caller of an operation with which the kernel says whether `CAP_FSETID` holds, but `fuser` does not pass it on
/// (`FATTR_KILL_SUIDGID`, `FUSE_SETXATTR_ACL_KILL_SGID`). It holds for root, as a rule, and not for others.
pub(crate) fn perhaps_with_fsetid(request: &Request) -> Credentials {
    if request.uid() == 0 { checked(request) } else { without_fsetid(request) }
}

/// The groups that the caller is in beside its own: `/proc` knows. Empty when the caller is not visible from here.
pub(crate) fn groups(request: &Request) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{}/status", request.pid())).unwrap_or_default();
    groups_in(&status)
}

fn groups_in(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found() {
        assert_eq!(groups_in("Name:\tsh\nGroups:\t4 27 1000 \nNStgid:\t7\n"), [4, 27, 1000]);
        assert_eq!(groups_in("Name:\tsh\nGroups:\t \nNStgid:\t7\n"), [0; 0]);
        assert_eq!(groups_in(""), [0; 0]);
    }
}
