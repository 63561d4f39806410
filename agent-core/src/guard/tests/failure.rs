//! A guard that fails, and the server header.

use super::*;

/// An adapter's view that panics.
struct Broken;

impl Headers for Broken {
    fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {
        panic!("a broken adapter");
    }

    fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {
        panic!("a broken adapter");
    }
}

fn broken(request: &Request) -> RequestView<'_> {
    RequestView {
        headers: &Broken,
        ..request.view()
    }
}

#[test]
fn a_panic_lets_the_request_pass_by_default() {
    let stage = stage(json!({}));
    let request = get("/").from(PROXY);
    assert!(!stage.guard.check(&broken(&request)).is_block());
    assert!(!stage.guard.check_response(&broken(&request), 404).is_block());
    assert_eq!(stage.guard.client(&broken(&request)), None);
    assert_eq!(stage.tally.totals().guard_failures, 3);
    assert_eq!(stage.counts(), [0, 1, 0, 0], "counted although it was not judged");
    assert!(!stage.check(&request).is_block(), "and the next one is judged again");
}

#[test]
fn a_panic_refuses_the_request_where_the_settings_say_so() {
    let stage = stage_with(json!({}), OnFailure::Closed);
    let request = get("/").from(PROXY);
    assert_eq!(content(&stage.guard.check(&broken(&request))), "blocked");
    assert_eq!(content(&stage.guard.check_response(&broken(&request), 404)), "blocked");
    assert_eq!(stage.tally.totals().guard_failures, 2);
    assert_eq!(stage.counts(), [0, 0, 0, 2], "refused, and no attack");
}

#[test]
fn the_server_header_is_named_only_on_request() {
    assert!(stage(json!({})).guard.server_header().is_none());
    let stage = stage(json!({ "CHANGE_SERVER": true, "SERVER_HEADER": "Apache" }));
    assert_eq!(stage.guard.server_header().as_deref(), Some("Apache"));
}
