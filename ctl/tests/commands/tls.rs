//! A server whose certificate is of an authority of its own.

use buckler_server::{ServerConfig, Tls};
use buckler_tests::ca::Ca;

use crate::stage::{Stage, TOKEN, assert_says, config};

#[test]
fn a_servers_own_authority_is_named_by_flag_variable_or_file() {
    let ca = Ca::new("of the operators").unwrap();
    let identity = ca.issue("127.0.0.1").unwrap();
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let stage = Stage::with(ServerConfig {
        tls: Some(Tls {
            cert: place("cert.pem", &identity.certificate_pem),
            key: place("key.pem", &identity.key_pem),
            client_ca: None,
            crl: None,
            client_required: false,
        }),
        ..config()
    });
    assert!(stage.server().starts_with("https://"), "{}", stage.server());
    stage.file("ca.pem", &ca.pem());
    stage.file("other.pem", &Ca::new("of another").unwrap().pem());
    assert_says(&stage.run("status"), 3, "cannot be reached");
    assert_says(&stage.run("status --ca other.pem"), 3, "cannot be reached");
    assert_says(&stage.run("status --ca absent.pem"), 2, "absent.pem");
    assert_says(&stage.run("status --ca ca.pem"), 0, "agents   0 online");
    let doctor = stage.run("doctor --ca ca.pem");
    assert_says(&doctor, 0, "ok     the conversation is encrypted");
    assert!(
        doctor.out.contains("the certificate is good for another"),
        "{}",
        doctor.out
    );
    let server = stage.server();
    let mut set = vec![("BUCKLERCTL_SERVER", server.as_str()), ("BUCKLERCTL_TOKEN", TOKEN)];
    set.push(("BUCKLERCTL_CA", "ca.pem"));
    assert_says(&stage.run_in("status", &set), 0, "agents   0 online");
    // a path in the file is one beside the file
    std::fs::create_dir(stage.home.path().join("beside")).unwrap();
    stage.file("beside/ca.pem", &ca.pem());
    stage.file(
        "beside/ctl.toml",
        &format!("server = \"{server}\"\ntoken = \"{TOKEN}\"\nca = \"ca.pem\"\n"),
    );
    assert_says(
        &stage.run_in("status --config beside/ctl.toml", &[]),
        0,
        "agents   0 online",
    );
}
