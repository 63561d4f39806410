//! Who may ask, and where.

use buckler::guard::Verdict;
use serde_json::json;

use super::stage::{Request, compile, get, stage};

#[test]
fn hosts() {
    let stage =
        stage(json!({"HOSTS": ["shop.example.com", "admin.example.com:8443"], "SECURITY_CHECKS": {"spoofing": 1}}));
    let to = |host| Request { host, ..get("/") };
    for host in ["shop.example.com", "SHOP.example.com:81", "admin.example.com:8443"] {
        assert!(!stage.refuses(&to(host)), "{host}");
    }
    for host in ["evil.example", "admin.example.com", ""] {
        assert!(stage.refuses(&to(host)), "{host}");
    }
    assert_eq!(stage.checks(), ["spoofing"; 3]);
}

#[test]
fn whitelist() {
    let stage = stage(json!({"WHITELIST": ["203.0.113.0/24", "10.1."], "SECURITY_CHECKS": {"decoy": 2}}));
    let decoy = get("/.git/config").unrouted();
    stage.list("203.0.113.9/32");
    assert!(!stage.refuses(&decoy) && !stage.refuses(&decoy.clone().from("10.1.2.3")));
    assert!(stage.refuses(&decoy.clone().from("198.51.100.7")) && stage.refuses(&decoy.from("10.100.0.1")));
}

#[test]
fn ignore_paths() {
    let checks = json!({"xss": 1, "flood": 1, "path": 2, "decoy": 2, "brute": 1});
    let stage = stage(json!({
        "IGNORE_PATHS": ["^/health$", "^/.git/config$"], "SECURITY_CHECKS": checks, "FLOOD_RATIO": 2, "ERROR_FLOOD_RATIO": 2
    }));
    for path in ["/health", "/.git/config"] {
        for _ in 0..5 {
            assert!(!stage.refuses(&get(path).unrouted()), "{path}");
            assert!(!stage.answer(&get(path).unrouted(), 404).is_block(), "{path}");
        }
    }
    let attack = "q=<script>alert(1)</script>";
    assert!(
        stage.refuses(&get("/health").asking(attack)),
        "what it carries is looked into"
    );
    assert!(
        stage.refuses_body(
            &Request {
                method: "POST",
                ..get("/health")
            }
            .with("content-type", "application/x-www-form-urlencoded"),
            attack.as_bytes()
        )
    );
    assert!(stage.answer(&get("/health/x").unrouted(), 404).is_block());
}

#[test]
fn decoy_routes() {
    let patterns = json!([
        "/old",
        ["/report.xyz", "ends"],
        ["shopx-", "contains"],
        ["/exact", "match"],
        ["^/v[0-9]+/trial", "regex"]
    ]);
    let stage = stage(json!({"DECOY_ROUTES": patterns, "SECURITY_CHECKS": {"decoy": 2}}));
    let is_decoy = |request: &Request, status: u16| stage.refuses(request) || stage.answer(request, status).is_block();
    for path in [
        "/old/x",
        "/%6fld",
        "/a/report.xyz",
        "/x/shopx-1",
        "/exact",
        "/v12/trial",
    ] {
        assert!(is_decoy(&get(path).unrouted(), 404), "{path}");
        assert!(
            !is_decoy(&get(path).unrouted(), 200),
            "{path} is a page of a fallback's"
        );
        assert!(!is_decoy(&get(path), 404), "{path} has a route");
    }
    for path in ["/a/old", "/report.xyzq", "/exactly", "/vx/trial"] {
        assert!(!is_decoy(&get(path).unrouted(), 404), "{path}");
    }
    assert!(stage.guard.learn_route("GET", "/exact/pages"));
    assert!(!is_decoy(&get("/exact").unrouted(), 404), "it leads to pages");
}

#[test]
fn forbidden_headers() {
    let stage = stage(json!({"FORBIDDEN_HEADERS": ["X-Scanner"], "SECURITY_CHECKS": {"headers": 1}}));
    assert!(!stage.refuses(&get("/")));
    assert!(stage.refuses(&get("/").with("x-scanner", "1")));
    assert_eq!(stage.checks(), ["headers"]);
}

#[test]
fn routes() {
    let rules = json!([{"path": ["/webhooks/", "starts"], "checks": {"xss": 0}}]);
    let stage = stage(json!({"ROUTES": rules, "SECURITY_CHECKS": {"xss": 1}}));
    let attack = "q=<script>alert(1)</script>";
    assert!(stage.refuses(&get("/shop").asking(attack)));
    assert!(!stage.refuses(&get("/webhooks/github").asking(attack)));
}

#[test]
fn dry_run() {
    let stage = stage(json!({"DRY_RUN": {"SECURITY_CHECKS": {"xss": 1}}}));
    assert!(!stage.refuses(&get("/").asking("q=<script>alert(1)</script>")));
    assert!(stage.found().is_empty() && stage.guard.dry_run().is_some());
}

#[test]
fn cors_origins() {
    let stage = stage(json!({"CORS_ORIGINS": ["https://app.example.com"], "SECURITY_CHECKS": {"decoy": 1}}));
    let decoy = |origin: &str| get("/.git/config").unrouted().with("origin", origin);
    let allowed = |request: &Request| match stage.check(request) {
        Verdict::Block(refusal) => refusal
            .headers()
            .any(|(name, value)| name == "access-control-allow-origin" && value == "https://app.example.com"),
        Verdict::Pass => panic!("it passed"),
    };
    assert!(allowed(&decoy("https://app.example.com")) && !allowed(&decoy("https://evil.example")));
    assert!(compile("default", &json!({"CORS_ORIGINS": ["https://app.example.com/path"]})).is_err());
}
