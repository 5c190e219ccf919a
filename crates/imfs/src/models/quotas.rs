//! Quotas: what is free can be had, whatever shards open and close meanwhile.

use std::sync::Arc;

use super::{play, together};
use crate::sync::quota::Quota;

#[test]
fn nobody_is_refused_what_is_free() {
    // The shards open with 8 free units, and close below 4.
    for limit in [3, 8, 9] {
        play(700, move || {
            let quota = Arc::new(Quota::new(limit, 1));
            (0..limit - 3).for_each(|_| assert!(quota.charge(1)));
            let user = |quota: Arc<Quota>| -> Box<dyn FnOnce() + Send> {
                Box::new(move || {
                    for _ in 0..3 {
                        assert!(quota.charge(1), "refused, though one is free for each");
                        quota.refund(1);
                    }
                })
            };
            let q = quota.clone();
            together([
                user(quota.clone()),
                user(quota.clone()),
                Box::new(move || {
                    (0..limit - 3).for_each(|_| q.refund(1));
                    assert!(q.charge(1));
                }),
            ]);
            assert_eq!(quota.used(), 1);
            assert!(quota.charge(limit - 1) && !quota.charge(1));
        });
    }
}
