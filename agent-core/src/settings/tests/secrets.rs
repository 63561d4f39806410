//! The agent's key is nowhere but in `AgentKey::expose`.

use super::*;

/// No text of a test but the key itself holds it.
const SECRET: &str = "7f3a90c1";

/// A number that could be somebody's key.
const NUMBER: &str = "73905511";

fn shows(text: &str) -> bool {
    text.contains(SECRET) || text.contains(NUMBER)
}

#[test]
fn settings_show_all_but_the_key() {
    let directory = Directory::with(
        "buckler.toml",
        &format!(
            "[agent]\nkey = '{SECRET}'\n[security]\nztaa_key = '{SECRET}'\n[transport.t]\nclient_key = '{SECRET}'\ntimeout = '17s'"
        ),
    );
    let builders = [
        directory.builder("buckler.toml"),
        Settings::builder().variables([("BUCKLER_AGENT__KEY", SECRET)]),
        Settings::builder().variables([("PYRASP_KEY", SECRET)]),
        Settings::builder().key(SECRET),
        Settings::builder()
            .key("k")
            .security("KEY", SECRET)
            .security("config", serde_json::json!({"ZTAA_KEY": SECRET})),
    ];
    for builder in builders {
        assert!(!shows(&format!("{builder:?} {builder:#?}")), "{builder:?}");
        let settings = builder.build().unwrap();
        let print = format!(
            "{settings:?} {settings:#?} {:?} {:?}",
            settings.agent(),
            (settings.transport(), settings.section("t"))
        );
        assert!(!shows(&print), "{print}");
        assert!(
            print.contains("AgentKey(…)") && print.contains("http-polling"),
            "{print}"
        );
        let warnings: Vec<String> = settings.warnings().iter().map(ToString::to_string).collect();
        assert!(!shows(&warnings.join("\n")), "{warnings:?}");
    }
    let print = format!("{:?}", directory.builder("buckler.toml").build().unwrap());
    assert!(
        print.contains("17s") && print.contains("client_key") && print.contains("ztaa_key"),
        "{print}"
    );
}

#[test]
fn errors_never_show_the_key() {
    let wrong = [
        ("f.toml", format!("[agent]\nkey = ['{SECRET}']")),
        ("f.toml", format!("[agent]\nkey = {NUMBER}")),
        ("f.toml", format!("[agent]\nkey = {NUMBER}.5")),
        ("f.toml", format!("[agent]\nkey = {{ value = '{SECRET}' }}")),
        ("f.toml", format!("[agent]\nKey = '{SECRET}'")),
        ("f.toml", format!("[agent]\ncloud_url = 'http://user:{SECRET}@host/'")),
        ("f.toml", format!("[agent]\ncloud_url = 'http://us er:{SECRET}@host/'")),
        ("f.toml", format!("[agent]\ncloud_url = 'http://{SECRET}@host/'")),
        ("f.toml", format!("[agent]\nkey = \"{SECRET}")),
        ("f.toml", format!("[agent]\nkey = {SECRET}")),
        ("f.toml", format!("[agent]\nkey = '{SECRET}' x")),
        ("f.toml", format!("[agent]\nkey = 'x'\nkey = '{SECRET}'")),
        ("f.toml", format!("[agent]\nkey = {NUMBER}99999999999999999999999999")),
        ("f.json", format!("{{\"agent\": {{\"key\": \"{SECRET}")),
        ("f.json", format!("{{\"agent\": {{\"key\": {SECRET}")),
        ("f.json", format!("\"{SECRET}\"")),
        ("f.json", NUMBER.to_owned()),
        ("f.json", format!("{{\"agent\": {{\"key\": {NUMBER}e999}}}}")),
        ("f.yaml", format!("agent:\n  key: [{SECRET}")),
        ("f.yaml", format!("agent:\n  key: \"{SECRET}")),
        ("f.yaml", format!("agent:\n  {{{SECRET}: 1}}: 2")),
        ("f.yaml", format!("{SECRET}: 1\n{SECRET}: 2")),
        ("f.yaml", format!("agent: {{? [{SECRET}] : 1}}")),
        ("f.yaml", SECRET.to_owned()),
        ("f.yaml", format!("agent:\n  key: *{SECRET}")),
    ];
    for (name, text) in wrong {
        let error = Directory::with(name, &text)
            .builder(name)
            .build()
            .map(|_| text.clone())
            .unwrap_err();
        assert!(!shows(&format!("{error} {error:?} {error:#?}")), "{text}\n{error}");
    }
}

#[test]
fn errors_of_other_keys_never_show_the_key() {
    let error = Settings::builder()
        .variables([
            ("BUCKLER_AGENT__KEY", SECRET),
            ("BUCKLER_AGENT__KEY__X", SECRET),
            ("BUCKLER_AGENT__KEYS", SECRET),
        ])
        .key(SECRET)
        .template("none")
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert!(!shows(&format!("{error} {error:?}")), "{error}");
    let named = [("BUCKLER_AGENT__KEY__X", SECRET), ("BUCKLER_AGENT__KEYS", SECRET)];
    let settings = Settings::builder().variables(named).build().unwrap();
    let warnings = format!("{:?}", settings.warnings());
    assert!(settings.warnings().len() == 2 && !shows(&warnings), "{warnings}");
}
