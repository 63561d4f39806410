//! Another user of the machine plants links and directories where the agent keeps its state and its
//! log.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use buckler::status::StoreMode;
use serde_json::json;

use crate::site::{DECOY, Site, local};

#[test]
fn a_link_in_the_state_directory_is_not_written_through() {
    let home = tempfile::tempdir().unwrap();
    let victim = home.path().join("victim");
    for planted in ["agent.lock", "agent.unfinished"] {
        fs::write(&victim, "precious").unwrap();
        let state = home.path().join(planted.replace('.', "-"));
        fs::create_dir(&state).unwrap();
        symlink(&victim, state.join(planted)).unwrap();
        let site = Site::start(local().state_dir(&state));
        site.wait_until("the disk was tried", || {
            site.agent
                .status()
                .store
                .problem
                .is_some_and(|problem| problem.contains("is a link, which is not followed"))
        });
        assert_eq!(site.agent.status().store.mode, StoreMode::Memory);
        assert_eq!(site.get(DECOY, "203.0.113.9"), 403, "it guards from memory");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        drop(site);
    }
}

#[test]
fn a_directory_that_everybody_may_change_keeps_no_state() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let site = Site::start(local().state_dir(home.path()));
    site.wait_until("the disk was tried", || {
        site.agent
            .status()
            .store
            .problem
            .is_some_and(|problem| problem.contains("chmod o-w"))
    });
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was written");
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403);
}

#[test]
fn a_link_in_the_place_of_a_log_is_not_written_through() {
    let home = tempfile::tempdir().unwrap();
    let (victim, logs) = (home.path().join("victim"), home.path().join("logs"));
    fs::write(&victim, "precious").unwrap();
    fs::create_dir(&logs).unwrap();
    symlink(&victim, logs.join("attacks.log")).unwrap();
    let settings = local().log_dir(&logs);
    let log = json!({"LOG_ENABLED": true, "LOG_PROTOCOL": "file", "LOG_PATH": "attacks.log"});
    let keys = log.as_object().cloned().unwrap();
    let site = Site::start(
        keys.into_iter()
            .fold(settings, |settings, (key, value)| settings.security(key, value)),
    );
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403);
    site.wait_until("it was tried", || {
        site.agent
            .status()
            .log
            .problem
            .is_some_and(|problem| problem.contains("is a link, which is not followed"))
    });
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
