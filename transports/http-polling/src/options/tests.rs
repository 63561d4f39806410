//! What is read from the table, and what is refused.

use buckler::settings::{Settings, SettingsBuilder};
use serde_json::{Value, json};

use super::*;

fn read(options: &[(&str, &str)]) -> Result<Options, String> {
    let options: Vec<_> = options.iter().map(|(key, value)| (*key, json!(value))).collect();
    read_json(&options)
}

fn read_json(options: &[(&str, Value)]) -> Result<Options, String> {
    Options::read(settings(options).section(KIND)).map_err(|error| error.to_string())
}

fn settings(options: &[(&str, Value)]) -> Settings {
    let set =
        |builder: SettingsBuilder, (key, value): &(&str, Value)| builder.transport_option(KIND, key, value.clone());
    options.iter().fold(Settings::builder(), set).build().unwrap()
}

#[test]
fn an_absent_table_means_the_defaults() {
    assert_eq!(format!("{:?}", read(&[]).unwrap()), format!("{:?}", Options::default()));
}

#[test]
fn every_option_is_read() {
    let options = read_json(&[
        ("timeout", json!("3s")),
        ("connect_timeout", json!("500ms")),
        ("keep_alive", json!(60)),
        ("max_reply_bytes", json!("1MiB")),
        ("max_wire_bytes", json!(65_536)),
        ("roots", json!("webpki")),
        ("allow_plain_http", json!(true)),
        ("beacon_hosts", json!(["a.example.com", "b.example.com"])),
    ]);
    let Options {
        connection,
        keep_alive,
        max_reply_bytes,
        max_wire_bytes,
        beacon_hosts,
    } = options.unwrap();
    assert_eq!(
        [connection.timeout, connection.connect_timeout, keep_alive],
        [3000, 500, 60_000].map(Duration::from_millis)
    );
    assert_eq!((max_reply_bytes, max_wire_bytes), (1 << 20, 64 << 10));
    assert_eq!(
        (connection.kind, connection.roots, connection.allow_plain_http),
        (KIND, connection::Roots::Webpki, true)
    );
    assert_eq!(beacon_hosts, ["a.example.com", "b.example.com"]);
}

#[test]
fn problems_name_their_key() {
    for (options, expected) in [
        (("timeout", "0s"), "timeout: found"),
        (("tiemout", "1s"), "tiemout: found"),
        (("max_reply_bytes", "1B"), "max_reply_bytes: found"),
        (("roots", "file"), "roots: found \"file\" without ca_file"),
    ] {
        let error = read(&[options]).unwrap_err();
        assert!(error.contains(&format!("transport.http-polling.{expected}")), "{error}");
    }
}
