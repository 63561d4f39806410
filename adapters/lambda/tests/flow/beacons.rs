//! When the agent speaks: at the start, after answers, and at the end; never while an answer is waited for, and whatever stands still.

use std::time::Duration;

use buckler_tests::{
    fault::{FaultServer, Script},
    wait::until,
};
use serde_json::json;

use super::{
    cloud::Cloud,
    events::{Front, get},
    function::Function,
};

const DECOY: &str = "/.git/config";
const FRONT: Front = Front::FunctionUrl;

#[test]
fn it_speaks_after_the_answer_has_gone_out_and_over_a_connection_of_its_own() {
    // without the Extensions API the runtime waits in the extension's place
    for extensions in [true, false] {
        let cloud = Cloud::start(&json!({"BEACON_DELAY": 1}));
        let function = Function::start_with(&cloud.url(), &cloud.answers, extensions, &[]);
        let mut connections = vec![cloud.next().connection];
        let mut answers = 0;
        for _ in 0..3 {
            let told = loop {
                // longer than the interval, which begins when the agent has read the reply
                assert!(
                    cloud.is_silent_for(Duration::from_millis(2_500)),
                    "it spoke while it stood still"
                );
                assert_eq!(function.ask(&get("/", "203.0.113.9"), FRONT).status(), 200);
                answers += 1;
                // the machine stood still for longer than the agent may take: it tries again after
                // another answer
                let told = cloud.so_far();
                match told.first() {
                    Some(_) => break told,
                    None => assert!(answers < 60, "the agent never speaks"),
                }
            };
            let beacon = &told[0];
            assert_eq!(beacon.answers, answers, "only after the answer");
            assert!(!connections.contains(&beacon.connection), "{connections:?}");
            connections.extend(told.iter().map(|told| told.connection));
            let requests = &beacon.message["v2"]["totals"];
            assert_eq!(requests["success"], answers, "each counted once: {}", beacon.message);
        }
    }
}

#[test]
fn a_configuration_takes_effect_with_the_next_exchange() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    assert_eq!(function.ask(&get("/trap", "203.0.113.9"), FRONT).status(), 200);
    let closed = json!({"path": "/trap", "networks": ["10.0.0.0/8"]});
    cloud.configure(&json!({"SECURITY_CHECKS": {"path": 1}, "ROUTES": [closed]}));
    assert_eq!(function.ask(&get(DECOY, "203.0.113.10"), FRONT).status(), 403);
    assert_eq!(cloud.next_report().events(), ["203.0.113.10"]);
    assert_eq!(function.ask(&get("/trap", "203.0.113.9"), FRONT).status(), 403);
}

#[test]
fn without_a_server_it_serves_and_guards() {
    let hanging = FaultServer::start(Script::sequence([])).unwrap();
    for url in [hanging.url("/config"), "http://127.0.0.1:9/config".to_owned()] {
        let function = Function::start_with(&url, &Default::default(), true, &[]);
        assert_eq!(function.ask(&get("/", "203.0.113.9"), FRONT).status(), 200);
        assert_eq!(function.ask(&get(DECOY, "203.0.113.9"), FRONT).status(), 403);
        // the process may have stood still before the agent had made the ban
        until("a ban is made", || {
            function.ask(&get("/", "203.0.113.9"), FRONT).status() == 403
        });
        assert!(function.end().success());
    }
}

#[test]
fn the_end_tells_what_could_not_be_told_before() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    cloud.next();
    cloud.server.refuse().unwrap();
    assert_eq!(function.ask(&get(DECOY, "203.0.113.9"), FRONT).status(), 403);
    cloud.server.listen().unwrap();
    assert!(function.end().success());
    assert_eq!(cloud.next_report().events(), ["203.0.113.9"]);
}
