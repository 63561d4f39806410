//! Who is believed, and who is not.

use super::*;
use crate::{protocol::v2::KeyChange, testing::Signer};

const HASH: &str = "3cf572f6aa432a3831f41abd195e668371c34413d2aeecf586f91835415f3ecc";
const NOW: u64 = 1_795_338_600;

fn public(n: u8) -> PublicKey {
    Signer(n).key()
}

fn trust(keys: &[u8], threshold: usize) -> Trust {
    Trust {
        mode: Mode::Require,
        profile: "shop".to_owned(),
        pinned: Keys::new(keys.iter().map(|n| public(*n)), threshold).unwrap(),
        min_version: 0,
    }
}

/// A configuration's signature by these keys.
fn of(version: u64, hash: &str, by: &[u8]) -> Signature {
    let bare = Signature {
        profile: "shop".to_owned(),
        version,
        expires_s: NOW + 60,
        ..Signature::default()
    };
    again(bare, hash, by)
}

fn again(mut signature: Signature, hash: &str, by: &[u8]) -> Signature {
    let message = statement(&signature, hash);
    signature.signed = Signer::all(by, &message);
    signature
}

/// A change to these keys, signed by those.
fn change(version: u64, keys: &[u8], by: &[u8]) -> KeyChange {
    let mut change = KeyChange {
        version,
        threshold: 1,
        keys: keys.iter().map(|n| public(*n).to_string()).collect(),
        signed: Vec::new(),
    };
    let message = key_statement(&change);
    change.signed = Signer::all(by, &message);
    change
}

#[test]
fn enough_of_the_pinned_keys_must_have_signed_and_each_counts_once() {
    let trust = trust(&[1, 2, 3], 2);
    let judge = |signature: &Signature| trust.judge(&trust.at_first(), HASH, Some(signature), NOW);
    assert_eq!(judge(&of(1, HASH, &[1, 3])).unwrap().version, 1);
    let few = |found| Err(SigningError::Few { found, allowed: 2 });
    assert_eq!(judge(&of(1, HASH, &[1])), few(1));
    assert_eq!(judge(&of(1, HASH, &[1, 1, 1])), few(1));
    assert_eq!(judge(&of(1, HASH, &[1, 7])), few(1));
    assert_eq!(judge(&of(1, HASH, &[])), few(0));
    assert_eq!(
        trust.judge(&trust.at_first(), HASH, None, NOW),
        Err(SigningError::Missing)
    );
    assert_eq!(
        judge(&of(1, &HASH.replace('3', "4"), &[1, 2])),
        few(0),
        "of another hash"
    );
    let pins_none = Trust::default();
    let unsigned = pins_none.judge(&pins_none.at_first(), HASH, Some(&of(1, HASH, &[1])), NOW);
    assert_eq!(unsigned, Err(SigningError::Few { found: 0, allowed: 0 }));
}

#[test]
fn whatever_is_signed_cannot_be_changed_on_the_way() {
    let trust = trust(&[1], 1);
    let good = of(4, HASH, &[1]);
    assert!(trust.judge(&trust.at_first(), HASH, Some(&good), NOW).is_ok());
    let changes: [fn(&mut Signature); 4] = [
        |signature| signature.version += 1,
        |signature| signature.expires_s += 1,
        |signature| signature.profile.push('x'),
        |signature| signature.signed[0].signature.replace_range(0..1, "#"),
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let judged = trust.judge(&trust.at_first(), HASH, Some(&bad), NOW);
        assert_eq!(judged, Err(SigningError::Few { found: 0, allowed: 1 }), "{bad:?}");
    }
    let theirs = Signature {
        profile: "blog".to_owned(),
        ..good
    };
    let judged = trust.judge(&trust.at_first(), HASH, Some(&again(theirs, HASH, &[1])), NOW);
    assert!(matches!(judged, Err(SigningError::Profile { .. })), "{judged:?}");
}

#[test]
fn a_version_never_goes_back_and_means_one_thing() {
    let mut trust = trust(&[1], 1);
    let known = trust
        .judge(&trust.at_first(), HASH, Some(&of(5, HASH, &[1])), NOW)
        .unwrap();
    let other = HASH.replace('3', "4");
    let judge = |trust: &Trust, version, hash: &str| trust.judge(&known, hash, Some(&of(version, hash, &[1])), NOW);
    assert!(judge(&trust, 5, HASH).is_ok(), "the same again");
    assert_eq!(judge(&trust, 4, HASH), Err(SigningError::Older { found: 4, known: 5 }));
    assert_eq!(judge(&trust, 5, &other), Err(SigningError::Twice(5)));
    assert!(judge(&trust, 6, &other).is_ok());
    trust.min_version = 7;
    assert_eq!(
        judge(&trust, 6, &other),
        Err(SigningError::Older { found: 6, known: 7 })
    );
}

#[test]
fn what_is_signed_ends() {
    let trust = trust(&[1], 1);
    let signature = of(1, HASH, &[1]);
    let judge = |now| trust.judge(&trust.at_first(), HASH, Some(&signature), now);
    assert!(judge(NOW + 59).is_ok());
    assert_eq!(judge(NOW + 60), Err(SigningError::Expired(NOW + 60)));
}

#[test]
fn keys_are_replaced_by_those_before_alone_and_never_come_back() {
    let trust = trust(&[1], 1);
    let with = |keys: Vec<KeyChange>, by: &[u8]| {
        let bare = Signature {
            keys,
            ..of(1, HASH, &[])
        };
        again(bare, HASH, by)
    };
    let judge = |known: &Believed, signature: &Signature| trust.judge(known, HASH, Some(signature), NOW);
    let first = trust.at_first();
    let moved = with(vec![change(1, &[2], &[1, 2]), change(2, &[3], &[2, 3])], &[3]);
    let known = judge(&first, &moved).unwrap();
    assert_eq!(known.keys.version(), 2);
    assert_eq!(
        judge(&known, &of(2, HASH, &[1])),
        Err(SigningError::Few { found: 0, allowed: 1 }),
        "the old key is over"
    );
    assert_eq!(
        judge(&known, &of(2, HASH, &[3])),
        Err(SigningError::OldKeys { found: 0, known: 2 }),
        "what is signed names its changes"
    );
    for (bad, version) in [
        (change(1, &[2], &[2]), 1),
        (change(1, &[2], &[1]), 1),
        (change(2, &[2], &[1, 2]), 2),
        (change(1, &[], &[1]), 1),
        (change(1, &[7], &[7, 8]), 1),
    ] {
        assert_eq!(judge(&first, &with(vec![bad], &[2])), Err(SigningError::Keys(version)));
    }
    let mut touched = change(1, &[2], &[1, 2]);
    touched.keys = vec![public(9).to_string()];
    assert_eq!(judge(&first, &with(vec![touched], &[9])), Err(SigningError::Keys(1)));
}

#[test]
fn keys_are_read_as_they_are_written_and_nothing_else_is_one() {
    let key = public(1);
    assert_eq!(PublicKey::parse(&key.to_string()), Some(key));
    let text = key.to_string();
    for bad in ["", "ed25519:", "ed25519:AAAA", &text[8..], &format!("{text}=")] {
        assert_eq!(PublicKey::parse(bad), None, "{bad}");
    }
    assert_eq!(Keys::new([key, key], 2), None, "one key is not two");
    assert_eq!(Keys::new([key], 0), None);
}

/// A configuration's signature after changes of keys.
fn after(keys: Vec<KeyChange>, version: u64, by: &[u8]) -> Signature {
    let bare = Signature {
        keys,
        ..of(version, HASH, &[])
    };
    again(bare, HASH, by)
}

#[test]
fn whom_a_signature_names_must_have_signed_each_once() {
    let good = of(1, HASH, &[1, 2]);
    assert!(all_have_signed(&good, HASH));
    assert!(!all_have_signed(&of(1, HASH, &[]), HASH), "none has");
    let mut mixed = good.clone();
    mixed.signed.extend(of(1, &HASH.replace('3', "4"), &[3]).signed);
    assert!(!all_have_signed(&mixed, HASH), "one of another hash");
    let twice = of(1, HASH, &[1, 1]);
    assert!(!all_have_signed(&twice, HASH));
    let mut unread = good;
    unread.signed[1].key.push('x');
    assert!(!all_have_signed(&unread, HASH));
    let most = u8::try_from(MOST_KEYS).unwrap();
    let by: Vec<u8> = (1..=most + 1).collect();
    assert!(all_have_signed(&of(1, HASH, &by[1..]), HASH) && !all_have_signed(&of(1, HASH, &by), HASH));
}

#[test]
fn a_server_takes_no_change_of_keys_away() {
    let trust = trust(&[1], 1);
    let chain = vec![change(1, &[2], &[1, 2]), change(2, &[3], &[2, 3])];
    let moved = after(chain.clone(), 1, &[3]);
    let known = trust.judge(&trust.at_first(), HASH, Some(&moved), NOW).unwrap();
    let judge = |signature: &Signature| trust.judge(&known, HASH, Some(signature), NOW);
    let stripped = |keys: &[KeyChange]| Signature {
        keys: keys.to_vec(),
        ..moved.clone()
    };
    let few = Err(SigningError::Few { found: 0, allowed: 1 });
    assert_eq!(judge(&stripped(&[])), few);
    assert_eq!(judge(&stripped(&chain[..1])), few);
    assert!(judge(&moved).is_ok());
    // a key that stays among those after the change signs nothing from before it any more
    let stays = after(vec![change(1, &[1, 2], &[1])], 1, &[1]);
    let known = trust.judge(&trust.at_first(), HASH, Some(&stays), NOW).unwrap();
    assert_eq!(
        trust.judge(&known, HASH, Some(&of(9, HASH, &[1])), NOW),
        Err(SigningError::OldKeys { found: 0, known: 1 })
    );
}

#[test]
fn after_a_change_of_keys_the_versions_of_stolen_ones_do_not_count() {
    let trust = trust(&[1], 1);
    let stolen = trust
        .judge(&trust.at_first(), HASH, Some(&of(u64::MAX, HASH, &[1])), NOW)
        .unwrap();
    assert_eq!(
        trust.judge(&stolen, HASH, Some(&of(5, HASH, &[1])), NOW),
        Err(SigningError::Older {
            found: 5,
            known: u64::MAX
        })
    );
    let recovered = after(vec![change(1, &[2], &[1, 2])], 5, &[2]);
    let known = trust.judge(&stolen, HASH, Some(&recovered), NOW).unwrap();
    assert_eq!((known.version, known.keys.version()), (5, 1));
    let older = after(vec![change(1, &[2], &[1, 2])], 4, &[2]);
    assert_eq!(
        trust.judge(&known, HASH, Some(&older), NOW),
        Err(SigningError::Older { found: 4, known: 5 })
    );
}

#[test]
fn what_was_believed_is_kept_for_the_keys_that_are_pinned() {
    let trust = trust(&[1], 1);
    let moved = after(vec![change(1, &[2], &[1, 2])], 5, &[2]);
    let known = trust.judge(&trust.at_first(), HASH, Some(&moved), NOW).unwrap();
    let kept = trust.keep(&known);
    let read: Kept = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
    assert_eq!(trust.resume(&read), Some(known));
    assert!(kept.follows(&trust.keep(&trust.at_first())) && !trust.keep(&trust.at_first()).follows(&kept));
    let mut others = vec![self::trust(&[2], 1), self::trust(&[1, 2], 1), self::trust(&[1, 2], 2)];
    others.push(Trust {
        profile: "blog".to_owned(),
        ..trust
    });
    for other in others {
        assert_eq!(other.resume(&read), None, "{other:?}");
    }
}
