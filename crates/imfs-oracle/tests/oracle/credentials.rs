//! setuid(2), setreuid(2), setresuid(2), setfsuid(2), their kin of groups, and setgroups(2): who the process is then, and what
//! it may do to files

use imfs_oracle::prelude::*;

const KEEP: u32 = u32::MAX;
const IDS: [u32; 5] = [0, 1001, 1002, 1003, KEEP];
const FEW: [u32; 4] = [0, 1001, 1003, KEEP];

/// Who the process is before the call.
fn states() -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("root", seq![]),
        ("alice", seq![user(ALICE)]),
        ("alice for good", seq![setgroups(vec![2001, 2000]), setresgid(1001, 1001, 1001), setresuid(1001, 1001, 1001)]),
        ("effective root", seq![setresgid(1001, 0, 1002), setresuid(1001, 0, 1002)]),
        ("saved root", seq![setresgid(1001, 1002, 0), setresuid(1001, 1002, 0)]),
        ("real root", seq![setresgid(0, 1001, 1002), setresuid(0, 1001, 1002)]),
        ("three users", seq![setresgid(1001, 1002, 1003), setresuid(1001, 1002, 1003)]),
        ("root with alice's files", seq![setfsgid(1001), setfsuid(1001)]),
        ("real root with its files", seq![setresgid(0, 1001, 0), setresuid(0, 1001, 0), setfsgid(0), setfsuid(0)]),
        ("root without capabilities", seq![caps(0)]),
        ("root that may only become others", seq![caps(CAP_SETUID | CAP_SETGID)]),
        ("root without that", seq![caps(!(CAP_SETUID | CAP_SETGID))]),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let pairs = |call: fn(u32, u32) -> Call| IDS.iter().flat_map(|r| IDS.map(|e| call(*r, e))).collect();
    let triples = |call: fn(u32, u32, u32) -> Call| {
        FEW.iter().flat_map(|r| FEW.iter().flat_map(|e| FEW.map(|s| call(*r, *e, s)))).collect()
    };
    let groups = [vec![], vec![2000], vec![5, 3, 3, 0], vec![7; 65_536], vec![7; 65_537]];
    let kinds: [(&str, Vec<Call>); 9] = [
        ("setuid", IDS.map(setuid).into()),
        ("setgid", IDS.map(setgid).into()),
        ("setreuid", pairs(setreuid)),
        ("setregid", pairs(setregid)),
        ("setresuid", triples(setresuid)),
        ("setresgid", triples(setresgid)),
        ("setfsuid", IDS.map(setfsuid).into()),
        ("setfsgid", IDS.map(setfsgid).into()),
        ("setgroups", groups.map(setgroups).into()),
    ];
    let mut t = Vec::new();
    for (about, state) in states() {
        for (name, calls) in &kinds {
            let look = calls.iter().cloned().flat_map(one).collect();
            t.add(format!("{name} of {about}"), chain([tree(), state.clone()]), look);
        }
    }
    t
}

fn tree() -> Vec<Step> {
    seq![mkdir("/w", 0o777), chmod("/w", 0o777), creat("/root", 0o600), creat("/alice", 0o600), chown("/alice", 1001, 1001), creat("/group", 0o040), chown("/group", 1003, 1003), creat("/two", 0o040), chown("/two", 1003, 2000)]
}

/// A child makes the call, and shows what it has become.
fn one(call: Call) -> Vec<Step> {
    let mut steps = seq![fork(1), p1(call), p1(whoami()), p1(open("/w", O_TMPFILE | O_RDWR, 0o600)), p1(fstat(7))];
    for path in ["/root", "/alice", "/group", "/two"] {
        steps.extend(seq![p1(access(path, R_OK)), p1(open(path, O_RDONLY, 0))]);
    }
    steps.extend(seq![p1(setuid(0)), p1(whoami()), p1(exit())]);
    steps
}
