//! What becomes of requests.

use serde_json::json;

use super::{
    cloud::{Cloud, LISTED},
    emulator::Done,
    events::{Front, get},
    function::Function,
};

const DECOY: &str = "/.git/config";

#[test]
fn it_registers_as_what_it_is_and_a_decoy_is_refused_in_the_shape_of_each_service_and_shared() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    let registration = cloud.next();
    assert_eq!((registration.path.as_str(), registration.answers), ("/config", 0));
    assert_eq!(registration.message["platform"], "AWS Lambda");
    for (last, front) in Front::ALL.into_iter().enumerate() {
        let attacker = format!("203.0.113.{}", last + 1);
        let answer = function.ask(&get("/", &attacker), front);
        assert_eq!(
            (answer.status(), answer.body()),
            (200, b"welcome".to_vec()),
            "{front:?}"
        );
        let answer = function.ask(&get(DECOY, &attacker), front);
        assert_eq!(answer.status(), 403, "{front:?}: {answer:?}");
        let body = String::from_utf8(answer.body()).unwrap();
        assert!(body.starts_with("Blocked. "), "{front:?}: {body}");
        assert!(!answer.is_base64());
        assert_eq!(answer.header("x-block-id").unwrap().len(), 16, "{front:?}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if front == Front::LoadBalancer {
            assert_eq!(answer.0["statusDescription"], "403 Forbidden");
        }
        let report = cloud.next_report();
        assert_eq!(report.events(), [attacker.as_str()]);
        assert_eq!(function.ask(&get("/", &attacker), front).status(), 403, "banned");
        assert_eq!(function.ask(&get("/", "203.0.113.200"), front).status(), 200);
    }
}

#[test]
fn the_fleets_list_whitelist_hosts_and_levels_are_in_force() {
    let cloud = Cloud::start(&json!({
        "WHITELIST": ["203.0.113.7"], "HOSTS": ["shop.example.com"],
        "SECURITY_CHECKS": {"spoofing": 1, "sqli": 3},
    }));
    let function = Function::start(&cloud);
    let front = Front::FunctionUrl;
    assert_eq!(function.ask(&get("/", LISTED), front).status(), 403);
    assert_eq!(
        function.ask(&get(DECOY, "203.0.113.7"), front).status(),
        200,
        "never judged"
    );
    let elsewhere = get("/", "203.0.113.8").header("host", "elsewhere.example.com");
    assert_eq!(function.ask(&elsewhere, front).status(), 403);
    assert_eq!(
        function.ask(&get("/", "203.0.113.8"), front).status(),
        200,
        "refused, not banned"
    );
    let injection = get("/", "203.0.113.8").query("q=1%27+OR+%271%27%3D%271");
    assert_eq!(function.ask(&injection, front).status(), 200, "only logged");
}

#[test]
fn findings_name_the_route_by_which_api_gateway_called_and_exceptions_match_it() {
    let exception = json!({"rule": "sqli", "place": "query:id", "route": "/items/{id}"});
    let cloud = Cloud::start(&json!({"EXCEPTIONS": [exception]}));
    let function = Function::start(&cloud);
    for (last, front) in [Front::RestApi, Front::HttpApi].into_iter().enumerate() {
        let client = format!("203.0.113.{}", last + 1);
        let asked = |query| get("/items/7", &client).query(query).route("/items/{id}");
        assert_eq!(function.ask(&asked("q=1'OR'1'='1"), front).status(), 403, "{front:?}");
        let report = cloud.next_report();
        assert_eq!(
            report.message["v2"]["events"][0]["detail"]["route"], "/items/{id}",
            "{front:?}"
        );
        assert_eq!(function.ask(&asked("id=1'OR'1'='1"), front).status(), 200, "{front:?}");
        let elsewhere = get("/items/7", &client).query("id=1'OR'1'='1");
        assert_eq!(
            function.ask(&elsewhere, front).status(),
            403,
            "{front:?}: on no other route"
        );
        assert_eq!(
            cloud.next_report().message["v2"]["events"][0]["detail"].get("route"),
            None
        );
    }
}

#[test]
fn only_trusted_proxies_name_the_client() {
    let cloud = Cloud::start(&json!({}));
    let proxies = [("BUCKLER_AGENT__TRUSTED_PROXIES", "192.0.2.0/24")];
    let function = Function::start_with(&cloud.url(), &cloud.answers, true, &proxies);
    for front in Front::ALL {
        let forged = get(DECOY, "203.0.113.9").header("x-forwarded-for", "203.0.113.10");
        assert_eq!(function.ask(&forged, front).status(), 403);
        assert_eq!(
            function.ask(&get("/", "203.0.113.10"), front).status(),
            200,
            "{front:?}"
        );
        let behind = get("/", "192.0.2.1").header("x-forwarded-for", "203.0.113.9");
        assert_eq!(function.ask(&behind, front).status(), 403, "{front:?}");
    }
}

#[test]
fn reactions_are_the_configurations() {
    let cloud = Cloud::start(&json!({
        "BLACKLIST_ACTION": "redirect", "BLACKLIST_STATUS_CODE": 307, "BLACKLIST_ACTION_CONTENT": "https://example.com/gone",
        "BLOCK_STATUS_CODE": 451, "BLOCK_ACTION_CONTENT": "not here", "HOSTS": ["shop.example.com"],
        "SECURITY_CHECKS": {"spoofing": 1},
    }));
    let function = Function::start(&cloud);
    for (last, front) in Front::ALL.into_iter().enumerate() {
        let elsewhere = get("/", "203.0.113.8").header("host", "elsewhere.example.com");
        let refused = function.ask(&elsewhere, front);
        assert_eq!(
            (refused.status(), refused.body()),
            (451, b"not here".to_vec()),
            "{front:?}"
        );
        let banned = function.ask(&get(DECOY, &format!("203.0.113.{}", last + 20)), front);
        assert_eq!(
            (banned.status(), banned.header("location")),
            (307, Some("https://example.com/gone")),
            "{front:?}"
        );
    }
}

#[test]
fn attacks_are_found_in_paths_queries_and_bodies_whatever_encodes_them() {
    let cloud = Cloud::start(&json!({"SECURITY_CHECKS": {"sqli": 1, "xss": 1}}));
    let function = Function::start(&cloud);
    let injection = "id=1%27+UNION+SELECT+password+FROM+users--+";
    for front in Front::ALL {
        let client = "203.0.113.20";
        let asked = get("/items", client).query(injection);
        assert_eq!(function.ask(&asked, front).status(), 403, "{front:?}");
        // in Base64, since it is no text to these services
        let form = get("/echo", client).body("application/x-www-form-urlencoded", injection.as_bytes());
        assert_eq!(function.ask(&form, front).status(), 403, "{front:?}");
        let json = get("/echo", client).body(
            "application/json",
            br#"{"id": "1' UNION SELECT password FROM users-- "}"#,
        );
        assert_eq!(function.ask(&json, front).status(), 403, "{front:?}");
        assert_eq!(function.ask(&get("/", client), front).status(), 200, "{front:?}");
    }
}

#[test]
fn events_that_are_no_requests_and_the_functions_own_errors_pass() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    let queued = json!({"Records": [{"eventSource": "aws:sqs", "body": "1' UNION SELECT password FROM users-- "}]});
    assert_eq!(function.invoke(queued.clone()), Done::Answered(queued));
    let failed = function.invoke(get("/fails", "203.0.113.9").through(Front::FunctionUrl));
    let Done::Failed(error) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(error["errorMessage"], "the function's own trouble");
    assert_eq!(function.ask(&get("/", "203.0.113.9"), Front::FunctionUrl).status(), 200);
}
