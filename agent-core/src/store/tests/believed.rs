//! What was believed of signed configurations: it outlives the agent's key and a disk that was not
//! read.

use super::*;
use crate::model::signing::{Believed, Keys, Mode, PublicKey, Trust};

/// What a host keeps that has believed this version.
fn kept(version: u64) -> Kept {
    let trust = Trust {
        mode: Mode::Require,
        profile: "shop".to_owned(),
        pinned: Keys::new(PublicKey::from_bytes(&[1; 32]), 1).unwrap(),
        min_version: 0,
    };
    trust.keep(&Believed {
        version,
        hash: "h".to_owned(),
        ..trust.at_first()
    })
}

#[test]
fn what_was_believed_outlives_the_agents_key() {
    let site = Site::new();
    let (store, saved) = site.open();
    assert_eq!(saved.believed, None);
    store.save_believed(&kept(6));
    drop(store);
    let other = AgentKey::new("another-key");
    let (_store, saved) = site.open_with(Seal::by(Some(&other)));
    assert_eq!(saved.believed, Some(kept(6)));
}

#[test]
fn a_disk_that_was_not_read_keeps_what_is_newer() {
    let site = Site::new();
    site.open().0.save_believed(&kept(6));
    for (told, found) in [(5, 6), (7, 7)] {
        site.faults.fail_now(DiskFault::Broken);
        let (store, saved) = site.open();
        assert_eq!(saved.believed, None);
        site.faults.heal();
        site.clock.advance(RETRY);
        assert_eq!(store.tend(), Some(Need::Everything));
        assert!(store.reopen(&Everything {
            agent_id: Uuid::from_u128(1),
            credential: Credential::default(),
            config: None,
            believed: Some(kept(told)),
            banned: Vec::new(),
            left: Vec::new(),
        }));
        drop(store);
        assert_eq!(site.open().1.believed, Some(kept(found)));
    }
}
