//! The security part: pyrasp's forms and ours, their order, and what becomes of what nobody knows.

use buckler_waf::{
    normal::Spelling,
    places::{Field, Part, Place, Role},
};
use serde_json::{Value, json};

use super::*;
use crate::model::policy::{Check, Level};

const BARE: &str = r#"{"APP_NAME": "shop", "FLOOD_RATIO": 7, "SECURITY_CHECKS": {"flood": 0}}"#;
const WRAPPED: &str = r#"{"config": {"APP_NAME": "shop", "FLOOD_RATIO": 7, "SECURITY_CHECKS": {"flood": 0}}}"#;

/// The merged security settings, as the policy sees them.
fn merged(settings: &Settings) -> serde_json::Map<String, Value> {
    let layers: Vec<Layer> = settings
        .security()
        .iter()
        .chain(settings.overrides())
        .cloned()
        .collect();
    Policy::compile(&settings.agent().template, &layers)
        .unwrap()
        .raw()
        .clone()
}

fn origins(settings: &Settings) -> Vec<String> {
    let short = |origin: &str| origin.rsplit('/').next().unwrap().to_owned();
    settings
        .security()
        .iter()
        .chain(settings.overrides())
        .map(|layer| short(&layer.origin))
        .collect()
}

#[test]
fn pyrasps_file_is_taken_in_every_place() {
    for text in [BARE, WRAPPED] {
        let directory = Directory::with("rasp.json", text);
        directory.write("buckler.toml", "[security]\nfile = \"rasp.json\"");
        let path = directory.path("rasp.json");
        for builder in [
            directory.builder("rasp.json"),
            directory.builder("buckler.toml"),
            Settings::builder().variables([("PYRASP_CONF", path.clone())]),
            Settings::builder().variables([("BUCKLER_SECURITY__FILE", path.clone())]),
            Settings::builder().variables([("BUCKLER_CONFIG", path.clone())]),
        ] {
            let settings = builder.build().unwrap();
            assert_eq!(merged(&settings)["APP_NAME"], "shop");
            assert_eq!(merged(&settings)["FLOOD_RATIO"], 7);
            assert_eq!(merged(&settings)["SECURITY_CHECKS"]["flood"], 0);
            assert_eq!(settings.warnings(), []);
        }
    }
}

#[test]
fn a_pyrasp_file_may_have_any_name_and_any_format() {
    let directory = Directory::with("rasp.conf", BARE);
    directory.write("rasp.toml", "APP_NAME = \"shop\"\nflood_ratio = 7");
    let settings = Settings::builder()
        .variables([("PYRASP_CONF", directory.path("rasp.conf"))])
        .build()
        .unwrap();
    assert_eq!(merged(&settings)["FLOOD_RATIO"], 7);
    let settings = directory.builder("rasp.toml").build().unwrap();
    assert_eq!(merged(&settings)["FLOOD_RATIO"], 7);
}

#[test]
fn keys_are_taken_in_upper_and_lower_case() {
    let settings =
        toml("[security]\nAPP_NAME = 'shop'\nflood_ratio = 7\nsecurity_checks = { Flood = 0, xss = 3 }").unwrap();
    let merged = merged(&settings);
    assert_eq!(
        (&merged["APP_NAME"], &merged["FLOOD_RATIO"]),
        (&json!("shop"), &json!(7))
    );
    assert_eq!(
        (&merged["SECURITY_CHECKS"]["flood"], &merged["SECURITY_CHECKS"]["xss"]),
        (&json!(0), &json!(3))
    );
    assert_eq!(
        toml_error("[security]\nHOSTS = ['a']\nhosts = ['b']"),
        "buckler.toml: security.hosts: found the same key as HOSTS; allowed: each key once in a layer"
    );
}

#[test]
fn layers_are_kept_apart_in_their_order() {
    let directory = Directory::with(
        "buckler.toml",
        "[security]\nfile = 'rasp.json'\napp_name = 'table'\nflood_ratio = 2",
    );
    directory.write(
        "rasp.json",
        r#"{"APP_NAME": "named", "FLOOD_RATIO": 1, "FLOOD_DELAY": 1}"#,
    );
    directory.write(
        "pyrasp.json",
        r#"{"APP_NAME": "pyrasp's", "FLOOD_RATIO": 3, "HOSTS": ["p"]}"#,
    );
    directory.write("ours.json", r#"{"APP_NAME": "ours", "HOSTS": ["o"]}"#);
    let file = || directory.builder("buckler.toml");
    let pyrasp = || file().variables([("PYRASP_CONF", directory.path("pyrasp.json"))]);
    let ours = || pyrasp().variables([("BUCKLER_SECURITY__FILE", directory.path("ours.json"))]);
    let variable = || ours().variables([("BUCKLER_SECURITY__APP_NAME", "variable")]);
    let facts = |builder: SettingsBuilder| {
        let settings = builder.build().unwrap();
        let merged = merged(&settings);
        (
            origins(&settings),
            format!(
                "{} {} {} {}",
                merged["APP_NAME"], merged["FLOOD_RATIO"], merged["FLOOD_DELAY"], merged["HOSTS"]
            ),
        )
    };
    let case = |origins: &[&str], said: &str| {
        (
            origins.iter().map(|&origin| origin.to_owned()).collect::<Vec<_>>(),
            said.to_owned(),
        )
    };
    assert_eq!(
        facts(file()),
        case(&["rasp.json", "buckler.toml"], r#""table" 2 1 []"#),
        "a table goes over the file it names"
    );
    assert_eq!(
        facts(pyrasp()),
        case(&["buckler.toml", "pyrasp.json"], r#""pyrasp's" 3 60 ["p"]"#),
        "the environment's file goes over the settings file, and stands in for the one it names"
    );
    assert_eq!(
        facts(ours()),
        case(&["buckler.toml", "ours.json"], r#""ours" 2 60 ["o"]"#),
        "our variable wins"
    );
    let name = "environment variable BUCKLER_SECURITY__APP_NAME";
    assert_eq!(
        facts(variable()),
        case(&["buckler.toml", "ours.json", name], r#""variable" 2 60 ["o"]"#)
    );
    assert_eq!(
        facts(variable().security("app_name", "code").security("FLOOD_RATIO", 9)),
        case(&["buckler.toml", "ours.json", name, "code"], r#""code" 9 60 ["o"]"#)
    );
}

#[test]
fn the_codes_layer_is_apart_so_that_the_server_fits_between() {
    let settings = Settings::builder()
        .variables([("BUCKLER_SECURITY__APP_NAME", "variable")])
        .security("APP_NAME", "code")
        .build()
        .unwrap();
    assert_eq!(settings.security().len(), 1);
    assert_eq!(settings.overrides().unwrap().origin, "code");
    assert!(Settings::builder().build().unwrap().overrides().is_none());
}

#[test]
fn variables_take_the_type_of_their_key() {
    let said = [
        ("BUCKLER_SECURITY__FLOOD_RATIO", "10"),
        ("BUCKLER_SECURITY__SECURITY_CHECKS__FLOOD", "0"),
        ("BUCKLER_SECURITY__HOSTS", "a.example, b.example"),
        ("BUCKLER_SECURITY__WHITELIST", "[\"10.0.0.0/8\"]"),
        ("BUCKLER_SECURITY__DECOY_ROUTES", "[[\"/trap\", \"starts\"]]"),
        ("BUCKLER_SECURITY__CHANGE_SERVER", "yes"),
        ("BUCKLER_SECURITY__APP_NAME", "404"),
        ("BUCKLER_SECURITY__XSS_PROBA", "0.5"),
        ("BUCKLER_SECURITY__BEACON_URL", "http://127.0.0.1:9100/beacon"),
    ];
    let settings = Settings::builder().variables(said).build().unwrap();
    let merged = merged(&settings);
    for (key, expected) in [
        ("FLOOD_RATIO", json!(10)),
        ("HOSTS", json!(["a.example", "b.example"])),
        ("WHITELIST", json!(["10.0.0.0/8"])),
        ("DECOY_ROUTES", json!([["/trap", "starts"]])),
        ("CHANGE_SERVER", json!(true)),
        ("APP_NAME", json!("404")),
        ("XSS_PROBA", json!(0.5)),
        ("BEACON_URL", json!("http://127.0.0.1:9100/beacon")),
    ] {
        assert_eq!(merged[key], expected, "{key}");
    }
    assert_eq!(merged["SECURITY_CHECKS"]["flood"], 0);
    assert_ne!(
        merged["SECURITY_CHECKS"]["xss"], 0,
        "only the check that is named changes"
    );
}

#[test]
fn the_policys_problems_are_named_with_their_place() {
    let directory = Directory::with("rasp.json", r#"{"FLOOD_RATIO": "many"}"#);
    directory.write("buckler.toml", "[security]\nflood_ratio = 'many'");
    let problem = |builder: SettingsBuilder| {
        let error = builder.build().unwrap_err();
        directory.told(&error).split("; allowed").next().unwrap().to_owned()
    };
    assert_eq!(
        problem(directory.builder("buckler.toml")),
        "buckler.toml: security.flood_ratio: found \"many\""
    );
    assert_eq!(
        problem(directory.builder("rasp.json")),
        "rasp.json: FLOOD_RATIO: found \"many\""
    );
    assert_eq!(
        problem(Settings::builder().variables([("BUCKLER_SECURITY__FLOOD_RATIO", "many")])),
        "environment variable BUCKLER_SECURITY__FLOOD_RATIO: security.FLOOD_RATIO: found \"many\""
    );
    assert_eq!(
        problem(Settings::builder().security("FLOOD_RATIO", "many")),
        "code: security.FLOOD_RATIO: found \"many\""
    );
}

#[test]
fn a_template_that_does_not_exist_is_named_where_it_was_said() {
    assert_eq!(
        toml_error("[agent]\ntemplate = 'defualt'"),
        "buckler.toml: agent.template: found \"defualt\"; allowed: default, audit, monitor, llm, mcp, pyrasp"
    );
}

#[test]
fn unknown_security_keys_are_warnings() {
    let directory = Directory::with(
        "rasp.json",
        r#"{"config": {"APP_NAME": "a", "NEXT_YEARS_KEY": 1}, "blacklist": {}}"#,
    );
    directory.write("buckler.toml", "[security]\ntea_time = 1\nfile = 'rasp.json'");
    let variables = [("BUCKLER_SECURITY__COLOUR", "1")];
    let settings = directory
        .builder("buckler.toml")
        .variables(variables)
        .security("Host", "x")
        .build()
        .unwrap();
    let expected = [
        "rasp.json: blacklist: found an unknown key, not used; allowed: pyrasp's configuration keys",
        "rasp.json: NEXT_YEARS_KEY: found an unknown key, not used; allowed: pyrasp's configuration keys",
        "buckler.toml: security.tea_time: found an unknown key, not used; allowed: pyrasp's configuration keys",
        "environment variable BUCKLER_SECURITY__COLOUR: security.COLOUR: found an unknown key, not used; \
         allowed: pyrasp's configuration keys",
        "code: security.Host: found an unknown key, not used (did you mean HOSTS?); allowed: pyrasp's configuration keys",
    ];
    let warnings: Vec<String> = settings
        .warnings()
        .iter()
        .map(|warning| directory.cut(&warning.to_string()))
        .collect();
    assert_eq!(warnings, expected);
}

#[test]
fn one_in_a_file_that_resembles_a_known_key_is_an_error() {
    assert_eq!(
        toml_error("[security]\nflood_ratoi = 1\nsecurity_checks = { sqil = 0 }"),
        "buckler.toml: security.flood_ratoi: found an unknown key, not used (did you mean FLOOD_RATIO?); \
         allowed: pyrasp's configuration keys\n\
         buckler.toml: security.security_checks.sqil: found an unknown key, not used \
         (did you mean SECURITY_CHECKS.sqli?); allowed: pyrasp's configuration keys"
    );
    let in_the_environment = Settings::builder().variables([("BUCKLER_SECURITY__FLOOD_RATOI", "1")]);
    assert_eq!(in_the_environment.build().unwrap().warnings().len(), 1);
    let settings = toml("[agent]\nbirthday = 'today'\n[logging]\nlevel = 'info'").unwrap();
    let odd: Vec<&str> = settings.warnings().iter().map(|warning| &*warning.key).collect();
    assert_eq!(odd, ["logging", "agent.birthday"], "a later release may know them");
}

#[test]
fn what_is_named_as_security_file_must_be_one() {
    let directory = Directory::with("buckler.toml", "[security]\nfile = 'none.json'");
    assert_eq!(
        directory.told(&directory.builder("buckler.toml").build().unwrap_err()),
        "none.json: found no such file; allowed: a TOML, JSON or YAML file that can be read"
    );
}

#[test]
fn a_settings_file_is_no_security_file() {
    let directory = Directory::with("buckler.toml", "[security]\nfile = 'buckler.toml'");
    assert_eq!(
        directory.told(&directory.builder("buckler.toml").build().unwrap_err()),
        "buckler.toml: found a whole settings file; allowed: pyrasp's keys, bare or under \"config\""
    );
}

#[test]
fn an_empty_security_part_and_an_empty_file_name_say_nothing() {
    for (name, text) in [
        ("f.yaml", "security:\n"),
        ("f.json", r#"{"security": {"FILE": null}}"#),
        ("f.toml", "[security]\nfile = ''"),
    ] {
        let settings = Directory::with(name, text).builder(name).build().unwrap();
        assert_eq!(
            (settings.security(), settings.warnings()),
            ([].as_slice(), [].as_slice()),
            "{name}"
        );
    }
    let directory = Directory::with("buckler.toml", "[security]\nFILE = 'rasp.json'");
    directory.write("rasp.json", BARE);
    assert_eq!(
        merged(&directory.builder("buckler.toml").build().unwrap())["FLOOD_RATIO"],
        7
    );
    let settings = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_SECURITY__FILE", "")])
        .build()
        .unwrap();
    assert_eq!(
        merged(&settings)["FLOOD_RATIO"],
        6_000,
        "an empty variable switches the file off"
    );
}

#[test]
fn proxies_that_are_everybody_are_a_warning() {
    let settings = Settings::builder()
        .trusted_proxies(["10.0.0.0/8", "::/0"])
        .build()
        .unwrap();
    let warnings: Vec<String> = settings.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "code: agent.trusted_proxies: found ::/0, so that every client can claim to be any other; \
          allowed: the networks of proxies alone"
        ]
    );
}

#[test]
fn rules_of_routes_are_tables_of_a_list() {
    let settings = toml(
        r#"
        [[security.ROUTES]]
        path = ["/webhooks/", "starts"]
        methods = ["POST"]
        checks = { sqli = 3, flood = 0 }
        body_bytes = 131_072

        [[security.ROUTES]]
        path = "/orders"
        flood = { delay = 60, ratio = 5 }
        networks = ["10.0.0.0/8"]
        repeats = true

        [security.ROUTES.params]
        orderId = "uuid"
        "customer.mail" = "email"

        [security.ROUTES.uploads]
        max_size = 0.5
        extensions = ["csv"]
        "#,
    )
    .unwrap();
    assert_eq!(settings.warnings(), []);
    let policy = Policy::compile(&settings.agent().template, settings.security()).unwrap();
    let webhook = policy.route("/webhooks/github", "POST").unwrap();
    assert_eq!(
        (webhook.level(Check::Sqli), webhook.body_bytes()),
        (Level::Log, 131_072)
    );
    let orders = policy.route("/orders", "GET").unwrap();
    assert_eq!(orders.flood().map(|window| window.limit), Some(5));
    assert!(orders.networks().is_some() && orders.may_repeat("tag"));
    assert_eq!(orders.uploads().max_bytes, 500_000);
    let misfit = |name: &str, value: &str| {
        let field = Field {
            place: Place {
                part: Part::Query,
                name,
            },
            role: Role::Value,
            value: value.as_bytes(),
            spelling: Spelling::Form,
        };
        orders.misfit(&field, false)
    };
    assert_eq!(misfit("orderId", "7"), Some("uuid"), "names keep their case");
    assert_eq!(misfit("customer.mail", "ada"), Some("email"));
    assert_eq!(
        toml_error("[[security.ROUTES]]\npath = '/a'\n\n[[security.ROUTES]]\npath = '/b'\nrate = 5"),
        "buckler.toml: security.ROUTES[1].rate: found 5; allowed: one of path, methods, checks, flood, error_flood, networks, \
         params, repeats, uploads, body_bytes, exceptions"
    );
}
