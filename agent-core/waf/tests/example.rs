//! The example says what its readers are told: it refuses attacks, and passes the rest.

#[expect(dead_code, reason = "its main function prints")]
#[path = "../examples/judge.rs"]
mod example;

use buckler_waf::Engine;
use http::Request;

#[test]
fn example_passes_and_refuses() {
    let engine = Engine::new().unwrap();
    let request = |target: &str| Request::get(target).body(Vec::new()).unwrap();
    let told = |target: &str| example::told(&example::judge(&engine, &request(target)));
    assert_eq!(told("/search?q=red+shoes"), "passes");
    assert!(told("/search?q=1'+union+select+1,2--+-").starts_with("refused sqli/"));
    let post = Request::post("/notes")
        .header("content-type", "text/plain")
        .body(())
        .unwrap();
    let lines = |last: &str| {
        let honest = (0..3000).map(|number| format!("{number} of the blue ones, please\n"));
        honest.chain([last.to_owned()]).collect::<Vec<_>>().into_iter()
    };
    let told = |last: &str| example::told(&example::stream(&engine, &post, lines(last)));
    assert_eq!(told("thanks"), "passes");
    assert!(told("<script>alert(document.cookie)</script>").starts_with("refused xss/"));
}
