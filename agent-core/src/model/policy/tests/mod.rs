//! Whole configurations: layers, templates, what is refused and how it is said.

use proptest::prelude::*;
use serde_json::{Value, json};

use std::time::Duration;

use url::Url;

use super::*;

mod windows;

fn layer(origin: &str, keys: Value) -> Layer {
    Layer::new(origin, serde_json::from_value(keys).unwrap())
}

fn policy(keys: Value) -> Policy {
    compile(keys).unwrap_or_else(|error| panic!("{error}"))
}

fn compile(keys: Value) -> Result<Policy, PolicyError> {
    Policy::compile("default", &[layer("test", keys)])
}

/// The one problem of a configuration.
fn problem(keys: Value) -> String {
    let error = compile(keys).map(drop).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    error.to_string()
}

fn levels(policy: &Policy) -> String {
    Check::ALL
        .into_iter()
        .map(|check| (policy.level(check) as u8).to_string())
        .collect()
}

#[test]
fn later_layers_win_key_by_key() {
    let file = layer("file", json!({"app_name": "file", "flood_ratio": 7, "verbose": 1}));
    let server = layer("server", json!({"APP_NAME": "server", "FLOOD_RATIO": 8}));
    let code = layer("code", json!({"app_name": "code"}));
    let policy = Policy::compile("audit", &[file, server, code]).unwrap();
    assert_eq!(
        (policy.app_name(), policy.flood().limit, policy.verbose()),
        ("code", 8, 1)
    );
    assert_eq!(
        policy.error_flood().limit,
        30,
        "the template's, where no layer says otherwise"
    );
    assert_eq!(
        policy.ban_for(),
        Duration::from_secs(3600),
        "the default, where the template says nothing"
    );
    assert_eq!(policy.raw()["APP_NAME"], "code");
}

#[test]
fn checks_merge_one_by_one_in_every_layer() {
    let file = layer("file", json!({"SECURITY_CHECKS": {"flood": 0, "spoofing": 1}}));
    let server = layer("server", json!({"security_checks": {"spoofing": 3}}));
    let policy = Policy::compile("default", &[file, server]).unwrap();
    assert_eq!(policy.level(Check::Flood), Level::Off);
    assert_eq!(policy.level(Check::Spoofing), Level::Log);
    assert_eq!(policy.level(Check::Decoy), Level::Ban, "not named, not changed");
    assert_eq!(policy.raw()["SECURITY_CHECKS"]["spoofing"], 3);
    assert_eq!(policy.raw()["SECURITY_CHECKS"].as_object().unwrap().len(), 18);
}

#[test]
fn templates_are_as_documented() {
    // in the order of `Check`: blacklist path flood spoofing decoy format sqli xss hpp command
    // headers dlp brute ztaa prompt upload chars bots method
    for (template, expected, app_name, limit, decoys, verbose) in [
        ("default", "2020222222002000000", "Web Server", 6000, 46, 0),
        ("audit", "2122222222022002232", "Web Server", 600, 46, 100),
        ("monitor", "2003333333033003333", "Web Server", 6000, 46, 10),
        ("llm", "2020222220012021200", "LLM Frontend", 6000, 46, 0),
        ("mcp", "2020222222022002100", "MCP Server", 6000, 46, 100),
    ] {
        let policy = Policy::compile(template, &[]).unwrap();
        assert_eq!(levels(&policy), expected, "{template}");
        assert_eq!(
            policy.raw()["DECOY_ROUTES"].as_array().map(Vec::len),
            Some(decoys),
            "{template}"
        );
        assert_eq!(
            (policy.app_name(), policy.flood().limit, policy.verbose()),
            (app_name, limit, verbose),
            "{template}"
        );
        assert_eq!(policy.leaks().private_keys, verbose > 0, "{template}");
        assert_eq!(policy.uploads().allowed, template != "audit");
        assert_eq!(policy.template(), template);
    }
}

#[test]
fn an_unknown_template_is_an_error_beside_the_others() {
    let error = Policy::compile("Default\n", &[layer("file", json!({"beacon": "yes"}))])
        .map(drop)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "settings: template is \"Default\\n\"; allowed: default, audit, monitor, llm, mcp, pyrasp\n\
         file: beacon is \"yes\"; allowed: true or false"
    );
}

#[test]
fn every_problem_is_named_even_of_values_that_are_replaced() {
    let file = layer(
        "shop.json",
        json!({"security_checks": {"flood": 7}, "beacon_delay": 0, "WHITELIST": ["10.0.0.1", "shop"]}),
    );
    let server = layer(
        "server",
        json!({"SECURITY_CHECKS": {"flood": 1}, "DECOY_ROUTES": [["/x", "end"]], "LOG_PORT": 1.5}),
    );
    let error = Policy::compile("default", &[file, server]).map(drop).unwrap_err();
    let said = error.to_string();
    for line in [
        "shop.json: security_checks.flood is 7; allowed: 0 (off), 1 (block), 2 (block, and count as evidence for a ban) or 3 (log only)",
        "shop.json: beacon_delay is 0; allowed: a whole number of seconds from 1 to 86400",
        "shop.json: WHITELIST[1] is \"shop\"; allowed: an address, a network in CIDR notation, or the beginning of an address at a whole group (10.1.)",
        "server: DECOY_ROUTES[0] is [\"/x\",\"end\"]; allowed: a text, or [\"text\", \"type\"] with a type of starts, ends, contains, match, regex",
        "server: LOG_PORT is 1.5; allowed: a whole number from 1 to 65535",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}\nis not in\n{said}");
    }
    assert_eq!(error.problems().len(), 5);
}

#[test]
fn the_plain_page_is_the_templates() {
    let policy = policy(json!({}));
    assert!(policy.block_reaction().is_plain() && policy.ban_reaction().is_plain());
    let own = self::policy(json!({"BLOCK_ACTION_CONTENT": "No."}));
    assert!(!own.block_reaction().is_plain() && own.ban_reaction().is_plain());
    let as_pyrasp = Policy::compile("pyrasp", &[]).unwrap();
    for reaction in [as_pyrasp.block_reaction(), as_pyrasp.ban_reaction()] {
        assert!(reaction.is_plain());
        assert_eq!(reaction.filled("{{id}}", &7), *reaction, "pyrasp's page is as it was");
    }
    for reaction in [policy.block_reaction(), policy.ban_reaction()] {
        let Reaction::Respond { content, .. } = reaction.filled("{{id}}", &"0123456789abcdef") else {
            panic!("{reaction:?}")
        };
        assert!(content.ends_with(": 0123456789abcdef"), "{content}");
    }
    // what pyrasp's names say answers bans too, also where the template has a page of its own
    let layer = layer("file", json!({"GTFO_MSG": "<h1>no</h1>"}));
    let older = Policy::compile("pyrasp", &[layer]).unwrap();
    assert_eq!(older.block_reaction(), older.ban_reaction());
}

#[test]
fn unknown_keys_are_reported_and_harmless() {
    let policy = policy(json!({"FOO": "bar", "security_checks": {"yoga": 2}, "app_name": "shop"}));
    let unknown: Vec<_> = policy
        .unknown_keys()
        .iter()
        .map(|key| (key.origin.as_str(), key.key.as_str()))
        .collect();
    assert_eq!(unknown, [("test", "FOO"), ("test", "security_checks.yoga")]);
    assert_eq!(policy.app_name(), "shop");
}

#[test]
fn pyrasps_numbers_are_read_as_it_reads_them() {
    let policy =
        policy(json!({"BEACON": 1, "BEACON_DELAY": 5.0, "SECURITY_CHECKS": {"path": false, "xss": true, "dlp": 3.0}}));
    assert!(policy.beacon());
    assert_eq!(policy.beacon_delay(), Duration::from_secs(5));
    let of = |check| policy.level(check);
    assert_eq!(
        (of(Check::Path), of(Check::Xss), of(Check::Dlp)),
        (Level::Off, Level::Block, Level::Log)
    );
}

#[test]
fn the_override_switches_the_blacklist_off() {
    assert_eq!(policy(json!({})).level(Check::Blacklist), Level::Ban);
    let overridden = policy(json!({"BLACKLIST_OVERRIDE": true}));
    assert_eq!(overridden.level(Check::Blacklist), Level::Off);
    assert!(
        overridden.blacklist_override()
            && !overridden
                .checks_on()
                .iter()
                .any(|(check, _)| *check == Check::Blacklist)
    );
}

#[test]
fn refusals_are_answered_as_configured() {
    let respond = |status, content: &str| Reaction::Respond {
        status,
        content: content.into(),
    };
    assert_eq!(policy(json!({})).block_reaction(), &respond(403, Reaction::PLAIN));
    let older = policy(json!({"GTFO_MSG": "<h1>no</h1>", "DENY_STATUS_CODE": 418}));
    assert_eq!(older.block_reaction(), &respond(418, "<h1>no</h1>"));
    assert_eq!(older.ban_reaction(), &respond(418, "<h1>no</h1>"));
    let newer = policy(json!({"GTFO_MSG": "<h1>no</h1>", "DENY_STATUS_CODE": 418, "BLACKLIST_STATUS_CODE": 403}));
    assert_eq!(newer.ban_reaction(), &respond(403, "<h1>no</h1>"), "key by key");
    let away = policy(json!({"BLACKLIST_ACTION": "Redirect", "BLACKLIST_ACTION_CONTENT": "https://example.com/x"}));
    assert_eq!(
        away.ban_reaction(),
        &Reaction::Redirect {
            status: 302,
            location: "https://example.com/x".into()
        }
    );
    let kept = json!({"BLOCK_ACTION": "redirect", "BLOCK_STATUS_CODE": 307, "BLOCK_ACTION_CONTENT": "/blocked"});
    assert_eq!(
        policy(kept).block_reaction(),
        &Reaction::Redirect {
            status: 307,
            location: "/blocked".into()
        }
    );
}

#[test]
fn answers_that_clients_cannot_understand_are_refused() {
    assert!(problem(json!({"BLOCK_ACTION": "drop"})).ends_with("BLOCK_ACTION is \"drop\"; allowed: block, redirect"));
    assert!(problem(json!({"BLOCK_STATUS_CODE": 101})).ends_with("is 101; allowed: a whole number from 200 to 599"));
    assert!(problem(json!({"BLOCK_ACTION": "redirect"})).contains("BLOCK_ACTION_CONTENT is \"Blocked. "));
    let with = |status: Value, content: &str| {
        problem(json!({"BLOCK_ACTION": "redirect", "DENY_STATUS_CODE": status, "BLOCK_ACTION_CONTENT": content}))
    };
    assert!(with(json!(403), "/x").contains("test: DENY_STATUS_CODE is 403; allowed: 301, 302, 303, 307, 308 where"));
    assert!(with(json!(304), "/x").contains("DENY_STATUS_CODE is 304"));
    assert!(with(json!(302), "/x\r\nSet-Cookie: a=b").contains("BLOCK_ACTION_CONTENT is \"/x\\r\\n"));
    assert!(with(json!(302), "javascript:alert(1)").contains("BLOCK_ACTION_CONTENT"));
}

#[test]
fn a_faulty_status_is_one_problem_also_where_it_redirects() {
    problem(json!({"BLOCK_ACTION": "redirect", "BLOCK_STATUS_CODE": "x", "BLOCK_ACTION_CONTENT": "/x"}));
}

#[test]
fn paths_are_seen_decoded_once() {
    let policy = policy(json!({}));
    for decoy in [
        "/.env",
        "/%2Eenv",
        "/.git/config",
        "/wp-config.php",
        "/.aws/credentials",
    ] {
        assert!(policy.decoy(decoy), "{decoy}");
    }
    for page in [
        "/",
        "/admin",
        "/login",
        "/user/login",
        "/logs",
        "/version",
        "/contact.php",
        "/index.php",
        "/x/.env",
        "/%252eenv",
        "/.env/x",
        "/autodiscover/autodiscover.xml",
        "/cgi-bin/search",
    ] {
        assert!(!policy.decoy(page), "{page}");
    }
    for ignored in [
        "/favicon.ico",
        "/sitemap.xml",
        "/robots%2etxt",
        "/apple-touch-icon-120x120-precomposed.png",
        "/health",
        "/healthz",
        "/livez",
        "/readyz",
        "/ping",
        "/up",
        "/health/ready",
        "/actuator/health",
        "/actuator/health/liveness",
        "/-/healthy",
    ] {
        assert!(policy.ignores(ignored), "{ignored}");
    }
    for counted in [
        "/favicon-ico",
        "/x/favicon.ico",
        "/sitemap.html",
        "/health/records",
        "/healthy-food",
        "/actuator/env",
        "/pingback",
        "/status",
    ] {
        assert!(!policy.ignores(counted), "{counted}");
    }
    assert!(policy.counts_for_flood("/anything") && !policy.counts_for_flood("*"));
}

#[test]
fn empty_lists_match_nothing() {
    let policy = policy(json!({"DECOY_ROUTES": [], "IGNORE_PATHS": [], "BRUTE_AND_FLOOD_PATHS": [], "WHITELIST": []}));
    assert!(!policy.decoy("/.env") && !policy.ignores("/robots.txt") && !policy.counts_for_flood("/"));
    assert!(policy.whitelist().is_empty() && policy.forbidden_headers().is_empty());
}

#[test]
fn regular_expressions_that_cannot_be_matched_are_named() {
    let said = problem(json!({"IGNORE_PATHS": ["^/ok", "^/(?!api)"]}));
    assert!(
        said.contains("IGNORE_PATHS[1] is \"^/(?!api)\"; allowed: a regular expression without lookaround"),
        "{said}"
    );
    let said = problem(json!({"DECOY_ROUTES": ["/ok", ["a[ab]{40}c", "regex"]]}));
    assert!(
        said.starts_with("test: DECOY_ROUTES is [\"a[ab]{40}c\"]; allowed: patterns that are compiled in bounded"),
        "{said}"
    );
    assert!(problem(json!({"IGNORE_PATHS": [""]})).contains("matches everything"));
    let classes = vec![r"(?u)\w".repeat(32); 9];
    assert!(problem(json!({"IGNORE_PATHS": classes})).contains("256 classes of characters, all together"));
}

#[test]
fn the_server_header_changes_only_when_asked() {
    assert_eq!(policy(json!({"SERVER_HEADER": "nginx"})).server_header(), None);
    assert_eq!(policy(json!({"CHANGE_SERVER": true})).server_header(), Some("Apache"));
    problem(json!({"SERVER_HEADER": "a\r\nb: c"}));
}

#[test]
fn an_empty_beacon_url_unsets_an_earlier_one_and_null_does_not() {
    let url = |second: Value| {
        let first = layer("file", json!({"BEACON_URL": "https://cloud.example.com/beacon"}));
        let policy = Policy::compile("default", &[first, layer("code", json!({"BEACON_URL": second}))]).unwrap();
        policy.beacon_url().map(Url::to_string)
    };
    assert_eq!(url(Value::Null).as_deref(), Some("https://cloud.example.com/beacon"));
    assert_eq!(url(json!("")), None);
}

#[test]
fn what_detectors_will_need_is_typed() {
    let policy = policy(json!({
        "FORBIDDEN_HEADERS": ["X-Evil"], "WHITELIST_HEADERS": [["X-Trace", "starts"]], "EXCEPTIONS": ["O'Neill"],
        "UPLOAD_MAX_SIZE": 0.5, "UPLOAD_EXTENSIONS": [".PDF", "tar"], "ZTAA_KEYS": ["a", "b"], "ZTAA_HEADER": "X-Zt",
        "LOG_PROTOCOL": "https", "LOG_FORMAT": "PCB", "LOG_PORT": 8443, "SQLI_PROBA": 1,
    }));
    assert_eq!(policy.forbidden_headers(), [Box::from("x-evil")]);
    assert!(policy.whitelist_headers().is_match(b"x-trace-id") && policy.injection().exceptions.is_match(b"O'Neill"));
    assert_eq!(
        (
            policy.uploads().max_bytes,
            policy.uploads().extensions.concat().as_str()
        ),
        (500_000, "pdftar")
    );
    assert_eq!(
        (policy.zero_trust().keys.len(), &*policy.zero_trust().header),
        (2, "x-zt")
    );
    assert_eq!(
        (policy.log().protocol, policy.log().format, policy.log().port),
        (LogProtocol::Https, LogFormat::Pcb, 8443)
    );
    assert!(policy.injection().sqli_threshold == 100 && !policy.log().resolve_country);
}

#[test]
fn secrets_are_not_shown() {
    let policy = policy(json!({"ZTAA_KEY": "hush"}));
    let shown = format!("{policy:?} {:?}", policy.zero_trust());
    assert!(!shown.contains("hush"), "{shown}");
    for wrong in [json!(["hush", 1]), json!("hush\n"), json!({"hush": 1})] {
        let said = problem(json!({"ZTAA_KEY": wrong}));
        assert!(!said.contains("hush") && said.contains("ZTAA_KEY"), "{said}");
    }
}

#[test]
fn a_policy_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&policy(json!({})));
}

/// JSON of any shape, small enough to be many.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u32..600).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "(https?://)?[a-z0-9./:*+(){}]{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["regex", "ends", "redirect", "block", "10.", "/", "file"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,6}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known: Vec<String> = template::defaults().keys().cloned().collect();
    let check = prop::sample::select(Check::ALL.to_vec()).prop_map(|check| keys::of_check(check.name()));
    let older = prop::sample::select(keys::OLDER_SPELLINGS.to_vec()).prop_map(|(older, _)| older.to_owned());
    let either_case = (prop::sample::select(known), any::<bool>())
        .prop_map(|(key, lower)| if lower { key.to_lowercase() } else { key });
    prop_oneof![6 => either_case, 2 => check, 1 => older, 1 => Just("config".to_owned()), 1 => ".{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_configuration_panics(
        entries in prop::collection::vec((any_key(), any_json()), 0..8),
        path in ".{0,20}",
    ) {
        let keys: ConfigMap = entries.into_iter().collect();
        let _ = config_hash(&keys);
        match Policy::compile("default", &[Layer::new("test", keys)]) {
            Ok(policy) => {
                let _ = (policy.decoy(&path), policy.ignores(&path), policy.hosts_allow(&path), policy.checks_on());
            }
            Err(error) => prop_assert_eq!(error.to_string().lines().count(), error.problems().len(), "one line each"),
        }
    }
}
