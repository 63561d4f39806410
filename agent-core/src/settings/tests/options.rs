//! A transport's options through the getters of `Section`.

use std::{ops::RangeInclusive, time::Duration};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
const SIZES: RangeInclusive<usize> = 1024..=32 << 20;

/// Reads one option `x` of a file with `read`: the value, and what `finish` says.
fn option<T>(said: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> (T, String) {
    let directory = Directory::with("buckler.toml", &format!("[transport.t]\nx = {said}"));
    let settings = directory.builder("buckler.toml").build().unwrap();
    let mut section = settings.section("t");
    let value = read(&mut section);
    let told = section
        .finish()
        .map_or_else(|error| directory.told(&error), |()| String::new());
    (value, told)
}

/// The same of a variable.
fn variable<T>(said: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> (T, bool) {
    let settings = Settings::builder()
        .variables([("BUCKLER_TRANSPORT__T__X", said)])
        .build()
        .unwrap();
    let mut section = settings.section("t");
    let value = read(&mut section);
    (value, section.finish().is_ok())
}

#[test]
fn durations() {
    let read = |section: &mut Section<'_>| section.duration("x", SECOND, TIMES);
    for (said, millis) in [
        ("\"500ms\"", 500),
        ("\"10s\"", 10_000),
        ("\"5m\"", 300_000),
        ("7", 7_000),
    ] {
        assert_eq!(
            option(said, read),
            (Duration::from_millis(millis), String::new()),
            "{said}"
        );
    }
    for (said, found) in [
        ("\"6m\"", "the text \"6m\""),
        ("0", "the number 0"),
        ("-5", "the number -5"),
        ("1.5", "the number 1.5"),
        ("\"10\"", "the text \"10\""),
        ("true", "true"),
    ] {
        let allowed = "a duration from 100ms to 5m, such as \"500ms\", \"10s\", \"5m\", or whole seconds";
        let told = format!("buckler.toml: transport.t.x: found {found}; allowed: {allowed}");
        assert_eq!(option(said, read), (SECOND, told), "{said}");
    }
    assert_eq!(variable("10", read), (Duration::from_secs(10), true));
    assert_eq!(variable(" 10s ", read), (Duration::from_secs(10), true));
    assert_eq!(variable("", read), (SECOND, false));
}

#[test]
fn sizes() {
    let read = |section: &mut Section<'_>| section.bytes("x", 2048, SIZES);
    for (said, bytes) in [
        ("\"32MiB\"", 32 << 20),
        ("\"64 KiB\"", 64 << 10),
        ("\"2 kB\"", 2000),
        ("4096", 4096),
    ] {
        assert_eq!(option(said, read), (bytes, String::new()), "{said}");
    }
    for (said, found) in [
        ("\"33MiB\"", "the text \"33MiB\""),
        ("1", "the number 1"),
        ("[]", "a list"),
    ] {
        let allowed = "a size from 1KiB to 32MiB, such as \"64KiB\", \"32MiB\", or whole bytes";
        let told = format!("buckler.toml: transport.t.x: found {found}; allowed: {allowed}");
        assert_eq!(option(said, read), (2048, told), "{said}");
    }
    assert_eq!(variable("4096", read), (4096, true));
    assert_eq!(variable("4KiB", read), (4096, true));
}

#[test]
fn numbers_and_flags() {
    let number = |section: &mut Section<'_>| section.u64("x", 3, 1..=10);
    assert_eq!(option("10", number), (10, String::new()));
    assert_eq!(
        option("11", number).1,
        "buckler.toml: transport.t.x: found the number 11; allowed: a whole number from 1 to 10"
    );
    assert_eq!(
        option("\"5\"", number).1,
        "buckler.toml: transport.t.x: found the text \"5\"; allowed: a whole number from 1 to 10"
    );
    assert_eq!(variable("5", number), (5, true));
    assert_eq!(variable("5.0", number), (3, false));
    let flag = |section: &mut Section<'_>| section.bool("x", true);
    assert_eq!(option("false", flag), (false, String::new()));
    assert_eq!(
        option("\"false\"", flag).1,
        "buckler.toml: transport.t.x: found the text \"false\"; allowed: true or false"
    );
    assert_eq!(
        option("0", flag).1,
        "buckler.toml: transport.t.x: found the number 0; allowed: true or false"
    );
    for (said, expected) in [
        ("1", true),
        ("Yes", true),
        ("on", true),
        ("TRUE", true),
        ("0", false),
        ("no", false),
        ("OFF", false),
    ] {
        assert_eq!(variable(said, flag), (expected, true), "{said}");
    }
    assert_eq!(variable("2", flag), (true, false));
}

#[test]
fn texts() {
    let text = |section: &mut Section<'_>| section.string("x");
    assert_eq!(option("\" a b \"", text), (Some("a b".to_owned()), String::new()));
    assert_eq!(option("\"\"", text), (None, String::new()));
    assert_eq!(
        option("5", text),
        (
            None,
            "buckler.toml: transport.t.x: found the number 5; allowed: a text".to_owned()
        )
    );
    assert_eq!(variable("5", text), (Some("5".to_owned()), true));
    let word = |section: &mut Section<'_>| section.one_of("x", "system", &["system", "webpki"]);
    assert_eq!(option("\"webpki\"", word), ("webpki", String::new()));
    assert_eq!(
        option("\"own\"", word),
        (
            "system",
            "buckler.toml: transport.t.x: found the text \"own\"; allowed: \"system\" or \"webpki\"".to_owned()
        )
    );
    let list = |section: &mut Section<'_>| section.strings("x");
    assert_eq!(
        option("[\"a\", \"b\"]", list),
        (vec!["a".to_owned(), "b".to_owned()], String::new())
    );
    assert_eq!(
        option("[\"a\", 5]", list).1,
        "buckler.toml: transport.t.x[1]: found the number 5; allowed: a list of texts"
    );
    assert_eq!(
        option("\"a\"", list).1,
        "buckler.toml: transport.t.x: found the text \"a\"; allowed: a list of texts"
    );
    assert_eq!(variable("a, b,", list), (vec!["a".to_owned(), "b".to_owned()], true));
    assert_eq!(variable("[\"a,b\"]", list), (vec!["a,b".to_owned()], true));
    assert_eq!(variable("", list), (Vec::new(), true));
    assert_eq!(variable("[a]", list), (Vec::new(), false));
}

#[test]
fn finish_names_every_problem_and_every_key_that_nobody_asked_for() {
    let directory = Directory::with("buckler.toml", "[transport.t]\ntimeuot = 1\nretries = -1\nzone = 1");
    let settings = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_TRANSPORT__T__COLOUR", "red")])
        .transport_option("t", "size", true)
        .build()
        .unwrap();
    let mut section = settings.section("t");
    section.duration("timeout", SECOND, TIMES);
    section.u64("retries", 1, 0..=9);
    section.bytes("size", 2048, SIZES);
    assert_eq!(
        directory.told(&section.finish().unwrap_err()),
        "buckler.toml: transport.t.retries: found the number -1; allowed: a whole number from 0 to 9\n\
         code: transport.t.size: found true; allowed: a size from 1KiB to 32MiB, such as \"64KiB\", \"32MiB\", or whole bytes\n\
         buckler.toml: transport.t.timeuot: found an unknown key (did you mean timeout?); allowed: retries, size, timeout\n\
         buckler.toml: transport.t.zone: found an unknown key; allowed: retries, size, timeout"
    );
}

#[test]
fn a_reader_can_reject_what_only_it_can_judge() {
    let directory = Directory::with("buckler.toml", "[transport.t]\nca = \"ca.pem\"\ncert = \"c.pem\"");
    let settings = directory.builder("buckler.toml").build().unwrap();
    let mut section = settings.section("t");
    section.path("ca");
    section.path("cert");
    section.reject("ca", "no such file", "a PEM file");
    section.reject("key", "nothing", "a PEM file beside transport.t.cert");
    assert_eq!(
        directory.told(&section.finish().unwrap_err()),
        "buckler.toml: transport.t.ca: found no such file; allowed: a PEM file\n\
         buckler.toml: transport.t.key: found nothing; allowed: a PEM file beside transport.t.cert"
    );
}

#[test]
fn tables_of_other_transports_are_left_alone_but_must_be_of_transports() {
    let known = ["http-polling", "websocket"];
    let settings = toml("[transport]\nkind = 'websocket'\n[transport.http-polling]\nanything = 1").unwrap();
    assert!(settings.transport().check_kinds(&known).is_ok());
    assert!(settings.section("websocket").finish().is_ok());
    let directory = Directory::with(
        "f.toml",
        "[transport]\nkind = 'http_polling'\n[transport.web-socket]\nx = 1\n[transport.pigeon]",
    );
    let settings = directory.builder("f.toml").build().unwrap();
    assert_eq!(
        directory.told(&settings.transport().check_kinds(&known).unwrap_err()),
        "f.toml: transport.kind: found the text \"http_polling\", an unknown transport (did you mean http-polling?); \
         allowed: \"http-polling\" or \"websocket\"\n\
         f.toml: transport.pigeon: found an unknown transport; allowed: http-polling, websocket\n\
         f.toml: transport.web-socket: found an unknown transport (did you mean websocket?); allowed: http-polling, websocket"
    );
}

#[test]
fn all_private_networks_are_one_word_and_the_clients_header_has_a_name() {
    let settings =
        toml("[agent]\ntrusted_proxies = ['private', '192.0.2.1']\nclient_ip_header = 'CF-Connecting-IP'").unwrap();
    let proxies = &settings.agent().trusted_proxies;
    for address in [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.1",
        "100.127.0.1",
        "127.0.0.1",
        "fd00::1",
        "::1",
        "192.0.2.1",
    ] {
        let address: std::net::IpAddr = address.parse().unwrap();
        assert!(proxies.iter().any(|network| network.contains(&address)), "{address}");
    }
    assert!(
        !proxies
            .iter()
            .any(|network| network.contains(&std::net::IpAddr::from([192, 0, 2, 2])))
    );
    assert_eq!(settings.agent().client_ip_header.as_deref(), Some("CF-Connecting-IP"));
    assert!(settings.warnings().is_empty() && !settings.agent().clients_are_private);
    let alone = toml("[agent]\nclient_ip_header = 'X-Real-IP'\nclients_are_private = true").unwrap();
    assert!(alone.agent().clients_are_private);
    assert!(alone.warnings()[0].to_string().contains("no trusted_proxies"));
    let error = toml("[agent]\nclient_ip_header = 'X Real IP'").unwrap_err().to_string();
    assert!(
        error.contains("agent.client_ip_header: found the text \"X Real IP\""),
        "{error}"
    );
}
