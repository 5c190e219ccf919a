//! Who gets SIGIO (`F_SETOWN` and `F_SETOWN_EX` of fcntl(2)).

/// `struct f_owner_ex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FOwnerEx {
    /// What `pid` is the number of: [`TID`](Self::TID), [`PID`](Self::PID) or [`PGRP`](Self::PGRP).
    pub kind: i32,
    /// The number; 0 is nobody.
    pub pid: i32,
}

impl FOwnerEx {
    /// A thread (`F_OWNER_TID`).
    pub const TID: i32 = 0;
    /// A process (`F_OWNER_PID`).
    pub const PID: i32 = 1;
    /// A process group (`F_OWNER_PGRP`).
    pub const PGRP: i32 = 2;

    /// The argument of `F_SETOWN`, where a process group is negative; `None` where the kernel says `EINVAL`.
    pub const fn from_number(who: i32) -> Option<Self> {
        match who.checked_abs() {
            Some(pid) => Some(Self { kind: if who < 0 { Self::PGRP } else { Self::PID }, pid }),
            None => None,
        }
    }

    /// The result of `F_GETOWN`.
    pub const fn as_number(self) -> i32 {
        if self.kind == Self::PGRP { self.pid.wrapping_neg() } else { self.pid }
    }
}
