//! The kernel's limits for the cache of a mount, which it sets for file systems that may be slow or never answer: root
//! can lift them (`/sys/class/bdi`, Documentation/ABI/testing/sysfs-class-bdi).
//!
//! All of it makes a mount faster only, so nothing here fails. Used by `session`.

use std::fs;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::path::PathBuf;

/// What is set, in this order: the limit of dirty pages has to be no strict one before it can matter what it is.
const SETTINGS: [(&str, &str); 3] = [
    // Without these, writers are slowed down once a hundredth of what may be dirty is waiting for this mount, however
    // fast it is written.
    ("strict_limit", "0"),
    ("max_ratio", "100"),
    // A request can carry a megabyte (`MAX_TRANSFER`), so reading ahead asks for as much.
    ("read_ahead_kb", "1024"),
];

/// Lifts the limits of the mount that is answered through `device`, as far as this process may.
pub(crate) fn lift_limits(device: BorrowedFd<'_>) {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", device.as_raw_fd())).unwrap_or_default();
    let Some(limits) = connection(&info).map(directory) else { return };
    for (name, value) in SETTINGS {
        // Not root, no sysfs, or an older kernel without this one.
        let _ = fs::write(limits.join(name), value);
    }
}

/// The number of the connection, which is the device number of the mount.
fn connection(info: &str) -> Option<u32> {
    info.lines().find_map(|line| line.strip_prefix("fuse_connection:"))?.trim().parse().ok()
}

/// Where the kernel shows the limits of a device; it has twenty bits of minor number.
fn directory(device: u32) -> PathBuf {
    PathBuf::from(format!("/sys/class/bdi/{}:{}", device >> 20, device & 0xf_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_names_its_limits() {
        assert_eq!(connection("pos:\t0\nflags:\t0100002\nfuse_connection:\t39\n"), Some(39));
        assert_eq!(connection("pos:\t0\n"), None);
        assert_eq!(directory(39).to_str(), Some("/sys/class/bdi/0:39"));
    }
}
