//! What a server can make of configurations that were signed, over a restart.

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{
        policy::config_hash,
        signing::{Keys, statement},
    },
    store::Times,
    testing::Signer,
};

const NOW: u64 = 1_795_338_600;

/// A host that believes one key.
fn host() -> Configuration {
    let trust = Trust {
        mode: Mode::Require,
        profile: "shop".to_owned(),
        pinned: Keys::new([Signer(1).key()], 1).unwrap(),
        min_version: 0,
    };
    Configuration {
        template: "default".to_owned(),
        file: Vec::new(),
        server: None,
        code: None,
        floor: Floor::default(),
        believed: trust.at_first(),
        trust,
        unsigned: None,
        doubted: None,
        has_ended: false,
        weaker: Vec::new(),
        weakened: false,
        policy: Arc::new(Policy::compile("default", &[]).unwrap()),
        source: LOCAL,
        status: None,
        trial: None,
        trials: 0,
        rejected: None,
    }
}

/// A configuration that is signed as this version, and delivered under that one.
fn signed(config: &Value, version: u64, delivered_as: u64) -> ConfigUpdate {
    let body = config.as_object().unwrap().clone();
    let mut signature = Signature {
        profile: "shop".to_owned(),
        version,
        expires_s: NOW + 60,
        ..Signature::default()
    };
    let hash = config_hash(&body);
    signature.signed = Signer::all(&[1], &statement(&signature, &hash));
    ConfigUpdate {
        version: delivered_as,
        hash,
        body,
        signature: Some(signature),
    }
}

fn lax() -> ConfigUpdate {
    signed(&json!({"SECURITY_CHECKS": {"sqli": 0}}), 5, 100)
}

fn strict(delivered_as: u64) -> ConfigUpdate {
    signed(&json!({"SECURITY_CHECKS": {"sqli": 1}}), 6, delivered_as)
}

/// Has a configuration sent at this second: what became of it, and what was written down before.
fn sent(configuration: &mut Configuration, update: ConfigUpdate, now_s: u64) -> (Taken, Option<Kept>) {
    let (mut kept, now) = (None, Duration::from_secs(now_s));
    let now = Times {
        elapsed: Duration::ZERO,
        unix: now,
    };
    let taken = configuration.take(update, now, |news| kept = Some(news.clone()));
    (taken, kept)
}

/// What was written down before it was in force.
fn takes(configuration: &mut Configuration, update: ConfigUpdate) -> Option<Kept> {
    let (taken, kept) = sent(configuration, update, NOW);
    assert!(matches!(taken, Taken::OnTrial | Taken::Renamed { .. }));
    kept
}

/// The next run of the process, with what the one before has kept.
fn restarted(before: &Configuration, saved: ConfigUpdate) -> Configuration {
    let mut next = host();
    let kept = before.kept();
    let news = next.begin(before.rejected.clone(), kept.as_ref(), Some(saved));
    assert_eq!(news, None, "it is kept as it is");
    next
}

#[test]
fn what_was_believed_outlives_the_configuration() {
    let mut configuration = host();
    let kept = takes(&mut configuration, lax());
    assert!(kept.is_some() && kept == configuration.kept());
    configuration.keep();
    assert_eq!(takes(&mut configuration, lax()), None, "it is on disk");
    takes(&mut configuration, strict(101));
    // the process ends before the trial does
    let mut next = restarted(&configuration, lax());
    assert_eq!((next.source, next.believed.version), ("local", 6));
    let older = next.believe(&lax(), NOW);
    assert_eq!(older, Err(SigningError::Older { found: 5, known: 6 }));
    assert_eq!(next.believe(&strict(101), NOW), Ok(()));
    // what the server says of the body is not asked
    let mut false_hash = lax();
    false_hash.hash = strict(101).hash;
    assert_eq!(restarted(&configuration, false_hash).source, "local");
}

#[test]
fn what_did_not_work_leaves_the_one_before_it_good() {
    let mut configuration = host();
    takes(&mut configuration, lax());
    configuration.keep();
    takes(&mut configuration, strict(101));
    let failed = configuration.roll_back().unwrap();
    configuration.reject(&failed, ConfigState::RolledBack, "it refuses customers".to_owned());
    let mut next = restarted(&configuration, lax());
    assert_eq!((next.source, next.believed.version), ("disk", 6));
    let older = next.believe(&lax(), NOW);
    assert_eq!(older, Err(SigningError::Older { found: 5, known: 6 }), "of the server");
    // a server that has forgotten it sends it again, and hears so once
    assert!(next.knows(&failed.hash, 101) && next.still_rejects(&failed.hash, 101));
    let said = next.reported(NOW).unwrap();
    assert_eq!((said.version, said.state), (101, ConfigState::RolledBack));
    assert!(!next.still_rejects(&failed.hash, 101) && !next.still_rejects(&lax().hash, 100));
}

#[test]
fn a_trial_does_not_begin_again_because_the_server_counts_on() {
    let mut configuration = host();
    takes(&mut configuration, lax());
    configuration.keep();
    takes(&mut configuration, strict(101));
    let trial = Arc::clone(&configuration.trial.as_ref().unwrap().trial);
    for version in 102..110 {
        takes(&mut configuration, strict(version));
        assert!(Arc::ptr_eq(&configuration.trial.as_ref().unwrap().trial, &trial));
        assert!(configuration.knows(&strict(0).hash, version));
    }
    assert_eq!(configuration.keep(), Some(&strict(109)));
    assert_eq!(restarted(&configuration, strict(109)).source, "disk");
}

#[test]
fn what_is_not_believed_is_said_once_and_judged_again_when_its_time_comes() {
    let mut configuration = host();
    let ahead = NOW + 1_000;
    for is_first in [true, false] {
        let (taken, kept) = sent(&mut configuration, strict(101), ahead);
        assert!(matches!(taken, Taken::Doubted(SigningError::Expired(_), is_news) if is_news == is_first));
        assert_eq!(kept, None);
    }
    assert_eq!(configuration.rejected, None);
    assert!(!configuration.knows(&strict(0).hash, 101));
    assert_eq!(configuration.in_time_now(ahead), None);
    assert_eq!(configuration.in_time_now(NOW), Some(strict(101)), "the clock was wrong");
}

#[test]
fn the_end_of_a_signature_is_said_of_the_configuration_in_force() {
    let mut configuration = host();
    takes(&mut configuration, lax());
    configuration.keep();
    takes(&mut configuration, strict(101));
    configuration.roll_back();
    assert_eq!(configuration.doubts(NOW), None);
    let ended = configuration.doubts(NOW + 60).unwrap();
    assert!(ended.starts_with("configuration 100"), "{ended}");
}

#[test]
fn the_configuration_in_force_is_said_to_be_signed_where_it_was_believed() {
    let said = |configuration: &Configuration| {
        let status = ConfigInForce::from(configuration);
        (status.signed, status.signed_until_s)
    };
    let mut configuration = host();
    assert_eq!(said(&configuration), (None, None));
    takes(&mut configuration, lax());
    configuration.keep();
    takes(&mut configuration, strict(101));
    assert_eq!(said(&configuration), (Some(6), Some(NOW + 60)));
    configuration.roll_back();
    assert_eq!(
        said(&configuration),
        (Some(5), Some(NOW + 60)),
        "what was believed last is 6"
    );

    // a host that only prefers signatures has what no key of its has signed in force, too
    let mut prefers = host();
    prefers.trust.mode = Mode::Prefer;
    takes(&mut prefers, lax());
    assert_eq!(said(&prefers), (Some(5), Some(NOW + 60)));
    let mut spoilt = lax();
    spoilt.signature.as_mut().unwrap().version = 9;
    takes(&mut prefers, spoilt);
    assert_eq!(said(&prefers), (None, None));
    assert!(prefers.doubts(NOW).unwrap().contains("is not believed"));
    prefers.trust.mode = Mode::Off;
    assert_eq!(said(&prefers), (None, None));
}
