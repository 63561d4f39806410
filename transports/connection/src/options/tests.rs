//! What is read from the table, and what is refused.

use std::path::Path;

use buckler::settings::{Settings, SettingsBuilder};
use buckler_tests::ca::Ca;
use serde_json::{Value, json};

use super::*;

const KIND: &str = "pigeon";

fn read(options: &[(&str, &str)]) -> Result<Options, String> {
    let options: Vec<_> = options.iter().map(|(key, value)| (*key, json!(value))).collect();
    read_json(&options)
}

fn read_json(options: &[(&str, Value)]) -> Result<Options, String> {
    let settings = settings(options);
    let mut section = settings.section(KIND);
    let options = Options::read(&mut section, KIND);
    section.finish().map(|()| options).map_err(|error| error.to_string())
}

fn settings(options: &[(&str, Value)]) -> Settings {
    let set =
        |builder: SettingsBuilder, (key, value): &(&str, Value)| builder.transport_option(KIND, key, value.clone());
    options.iter().fold(Settings::builder(), set).build().unwrap()
}

fn path(directory: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_absent_table_means_the_defaults() {
    assert_eq!(format!("{:?}", read(&[]).unwrap()), format!("{:?}", Options::new(KIND)));
}

#[test]
fn every_option_is_read() {
    let options = read_json(&[
        ("timeout", json!("3s")),
        ("connect_timeout", json!("500ms")),
        ("roots", json!("webpki")),
        ("allow_plain_http", json!(true)),
        ("proxy", json!("http://user:hush@proxy.example:3128")),
    ]);
    let Options {
        kind,
        timeout,
        connect_timeout,
        roots,
        authorities,
        client,
        allow_plain_http,
        proxies,
    } = options.unwrap();
    assert_eq!([timeout, connect_timeout], [3000, 500].map(Duration::from_millis));
    assert_eq!((roots, authorities.len(), client.is_none()), (Roots::Webpki, 0, true));
    assert_eq!((kind, allow_plain_http), (KIND, true));
    assert!(format!("{proxies:?}").contains("proxy.example:3128") && !format!("{proxies:?}").contains("hush"));
}

#[test]
fn a_named_authority_replaces_the_systems() {
    let directory = tempfile::tempdir().unwrap();
    let ca = path(&directory, "ca.pem", &Ca::new("test").unwrap().pem());
    let options = read(&[("ca_file", &ca)]).unwrap();
    assert_eq!((options.roots, options.authorities.len()), (Roots::File, 1));
    let options = read(&[("ca_file", &ca), ("roots", "system")]).unwrap();
    assert_eq!((options.roots, options.authorities.len()), (Roots::System, 1));
}

#[test]
fn a_certificate_and_its_key_are_read_and_must_match() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Ca::new("test").unwrap();
    let (agent, other) = (ca.issue("agent").unwrap(), ca.issue("other").unwrap());
    let certificate = path(&directory, "agent.pem", &agent.certificate_pem);
    let key = path(&directory, "agent.key", &agent.key_pem);
    let foreign = path(&directory, "other.key", &other.key_pem);
    assert!(
        read(&[("client_cert", &certificate), ("client_key", &key)])
            .unwrap()
            .client
            .is_some()
    );
    let error = read(&[("client_cert", &certificate), ("client_key", &foreign)]).unwrap_err();
    assert!(
        error.contains("pigeon.client_key: found a key that is not the certificate's"),
        "{error}"
    );
    let error = read(&[("client_cert", &key), ("client_key", &key)]).unwrap_err();
    assert!(error.contains("pigeon.client_cert: found no certificate in"), "{error}");
    let error = read(&[("client_cert", &certificate), ("client_key", &certificate)]).unwrap_err();
    assert!(error.contains("pigeon.client_key: found no private key in"), "{error}");
}

#[test]
fn problems_name_their_key_and_never_end_in_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let empty = path(&directory, "empty.pem", "");
    let garbage = path(
        &directory,
        "garbage.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let absent = directory.path().join("absent.pem");
    assert!(!Path::new(&absent).exists());
    let absent = absent.to_str().unwrap();
    for (options, expected) in [
        (vec![("timeout", "0s")], "timeout: found"),
        (vec![("tiemout", "1s")], "tiemout: found"),
        (vec![("roots", "file")], "roots: found \"file\" without ca_file"),
        (vec![("roots", "none")], "roots: found"),
        (vec![("ca_file", absent)], "ca_file: found"),
        (vec![("ca_file", &*empty)], "ca_file: found no certificate in"),
        (vec![("ca_file", &*garbage)], "ca_file: found"),
        (
            vec![("client_cert", "/a.pem")],
            "client_cert: found a certificate without client_key",
        ),
        (
            vec![("client_key", "/a.key")],
            "client_key: found a key without client_cert",
        ),
        (
            vec![("client_cert", absent), ("client_key", absent)],
            "client_cert: found",
        ),
    ] {
        let error = read(&options).unwrap_err();
        assert!(error.contains(&format!("transport.pigeon.{expected}")), "{error}");
    }
}
