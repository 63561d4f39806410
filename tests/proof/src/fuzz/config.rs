//! Configurations, as a server or a file may give them.

use buckler::{
    model::policy::{Layer, Policy, config_hash},
    protocol::ConfigMap,
};

use super::request::judged_by;

/// The longest line that tells a problem, in characters: place, what was found and what is allowed, the latter two cut or written
/// by us.
const LINE: usize = 2_000;

/// Compiles a configuration over a template, and judges requests by what comes of it.
///
/// # Panics
/// Where it compiles differently a second time, an error has no problem or one of unbounded length, or the guard fails by it.
pub fn config(input: &[u8]) {
    let Ok(keys) = serde_json::from_slice::<ConfigMap>(input) else {
        return;
    };
    assert_eq!(config_hash(&keys), config_hash(&keys.clone()));
    let layers = [Layer::new("server", keys)];
    let compile = || Policy::compile("default", &layers);
    match (compile(), compile()) {
        (Ok(policy), Ok(again)) => {
            assert_eq!(policy.raw(), again.raw());
            assert_eq!(policy.checks_on(), again.checks_on());
            judged_by(policy);
        }
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            assert!(!error.problems().is_empty(), "an error without a problem");
            for problem in error.problems() {
                let line = problem.to_string();
                assert!(
                    line.chars().count() <= LINE,
                    "{} characters: {line}",
                    line.chars().count()
                );
            }
        }
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => panic!("it compiles only at times: {error}"),
    }
}
