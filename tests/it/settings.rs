//! What an operator is told of wrong settings, through the one call that a host makes.

use std::{
    env, fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use buckler_actix_web::{Agent, Settings, start};
use buckler_tests::fault::{Answer, FaultServer, Script};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    child,
    cloud::Cloud,
    site::{KEY, Site, settings, wait_until},
};

#[track_caller]
fn refused(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buckler.toml");
    fs::write(&path, text).unwrap();
    let error = match Settings::from_file(&path).and_then(start) {
        Ok(agent) => panic!("accepted: {agent:?}"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("buckler.toml"), "it names the file: {error}");
    error
}

const CLOUD: &str = "[agent]\ncloud_url = \"https://fleet.example.com/config\"\nkey = \"k\"\n";

#[test]
fn every_problem_is_named_with_its_place() {
    let error = refused("[agent]\ntemplate = \"paranoid\"\nclowd_url = 1\n[security]\nflood_ratio = \"many\"\n");
    for part in ["paranoid", "clowd_url", "cloud_url", "flood_ratio", "many"] {
        assert!(error.to_lowercase().contains(part), "{part} in: {error}");
    }
}

#[test]
fn a_transport_that_does_not_exist_is_refused_with_those_that_do() {
    let error = refused(&format!("{CLOUD}[transport]\nkind = \"pigeon\"\n"));
    assert!(error.contains("pigeon") && error.contains("http-polling"), "{error}");
}

#[test]
fn a_transports_options_are_checked() {
    let error = refused(&format!(
        "{CLOUD}[transport.http-polling]\ntimeout = \"soon\"\nspeed = 3\n"
    ));
    assert!(
        error.contains("timeout") && error.contains("soon") && error.contains("speed"),
        "{error}"
    );
}

#[test]
fn a_plain_url_off_this_machine_is_refused_with_the_remedy() {
    let error = refused("[agent]\ncloud_url = \"http://fleet.example.com/config\"\nkey = \"k\"\n");
    assert!(error.contains("https") && error.contains("allow_plain_http"), "{error}");
}

/// A directory with a settings file whose key stands in a file of its own, and the agent that it
/// starts.
fn with_key_file(cloud: &Cloud, key: &str) -> (TempDir, PathBuf, Arc<Agent>) {
    let directory = tempfile::tempdir().unwrap();
    let (file, key_file) = (directory.path().join("buckler.toml"), directory.path().join("key"));
    fs::write(&key_file, key).unwrap();
    fs::write(
        &file,
        format!("[agent]\ncloud_url = \"{}\"\nkey_file = \"key\"\n", cloud.url()),
    )
    .unwrap();
    let agent = Settings::from_file(&file).and_then(start).unwrap();
    (directory, key_file, Arc::new(agent))
}

#[test]
fn a_key_that_was_mended_is_in_use_without_a_restart() {
    let cloud = Cloud::start();
    let (_directory, key_file, agent) = with_key_file(&cloud, "the-key-of-last-year\n");
    let state = || agent.status().conversation.state;
    wait_until(&agent, "the key is refused", || state() == "blocked");
    fs::write(&key_file, format!("{KEY}\n")).unwrap();
    wait_until(&agent, "it is in step with the new one", || state() == "synced");
    assert_eq!(agent.status().restarts, 0);
    fs::write(&key_file, "").unwrap();
    agent.retry_now();
    wait_until(&agent, "a file that is damaged meanwhile changes nothing", || {
        state() == "synced"
    });
}

#[test]
fn a_server_that_was_mended_is_asked_at_once_on_demand_of_an_operator() {
    let cloud = Cloud::start();
    cloud.key_is_good(false);
    let (_directory, _, agent) = with_key_file(&cloud, KEY);
    let state = || agent.status().conversation.state;
    wait_until(&agent, "the key is refused", || state() == "blocked");
    cloud.key_is_good(true);
    wait_until(&agent, "it is in step, once the server has read its file", || {
        if state() == "blocked" {
            agent.retry_now();
        }
        state() == "synced"
    });
}

#[test]
fn an_undeclared_proxy_is_told_to_the_server_with_the_line_to_add() {
    let cloud = Cloud::start();
    let none: [&str; 0] = [];
    let site = Site::start(settings(&cloud.url()).trusted_proxies(none));
    assert_eq!(site.get("/", "203.0.113.9"), 200);
    let remedy = "to [agent], add trusted_proxies = [\\\"127.0.0.1\\\"]";
    site.wait_until("an operator is shown it", || {
        cloud.agents().iter().any(|agent| agent.to_string().contains(remedy))
    });
}

/// Where the settings of a child are.
const SETTINGS: &str = "SETTINGS_OF_A_CHILD";

#[test]
fn the_start_up_report_says_what_is_in_force() {
    let cloud = Cloud::start();
    cloud.configures(json!({"SECURITY_CHECKS": {"command": 0}}));
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "[agent]\ncloud_url = \"{}\"\nkey = \"{KEY}\"\ncolour = 1\n\
         [security]\nhosts = [\"shop.example.com\"]\nsecurity_checks = {{ spoofing = 1, flood = 0 }}\n",
        cloud.url()
    );
    let file = directory.path().join("buckler.toml");
    fs::write(&file, text).unwrap();
    let mut command = child::command("settings::report_alone");
    let output = command.env(SETTINGS, file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = |part: &str| {
        let at = told.lines().position(|line| line.contains(part));
        at.unwrap_or_else(|| panic!("{part}: {told}"))
    };
    line("Loading template configuration: default");
    line("buckler.toml: agent.colour: found an unknown key");
    line("Configuration in force: template default, source local");
    line("spoofing=1");
    line("HOSTS (");
    line("SECURITY_CHECKS.flood (");
    line("Not looked into: ");
    line("(check flood is off)");
    line("not_text (agent.uninspected)");
    let rules = told.lines().find(|line| line.contains("rules of")).unwrap();
    let number = rules
        .split("searched by ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    assert!(number.unwrap().parse::<usize>().unwrap() > 100, "{rules}");
    assert!(line("not in step with the server yet") < line("In step with the server"));
    let of_server = line("Configuration in force: template default, source server");
    assert!((line("not in step with the server yet")..line("In step with the server")).contains(&of_server));
    for part in ["SECURITY_CHECKS.command (server)", "(check command is off)"] {
        let of_local = told.lines().take(of_server).any(|line| line.contains(part));
        assert!(!of_local && line(part) > of_server, "{part}: {told}");
    }
    assert!(!told.contains("does not carry out") && !told.contains(KEY), "{told}");
}

/// Passes on to standard error what is logged, and notes whether the agent has said that it is in
/// step.
#[derive(Clone, Default)]
struct Log(Arc<AtomicBool>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains("In step with the server") {
            self.0.store(true, Ordering::Relaxed);
        }
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[ignore = "run by the_start_up_report_says_what_is_in_force"]
fn report_alone() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let agent = Settings::from_file(env::var_os(SETTINGS).unwrap())
        .and_then(start)
        .unwrap();
    wait_until(&agent, "it says that it is in step", || log.0.load(Ordering::Relaxed));
    agent.shutdown(Duration::from_secs(3));
}

#[test]
fn problems_are_seen_where_no_logger_listens() {
    let cloud = Cloud::start();
    cloud.key_is_good(false);
    let config = json!({"config": {"BEACON_DELAY": "soon"}});
    let odd = FaultServer::start(Script::always(Answer::reply(&config))).unwrap();
    let mut command = child::command("settings::unheard_alone");
    command.envs(SERVERS.into_iter().zip([cloud.url(), odd.url("/config")]));
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    for problem in [
        "buckler: WARN: environment variable BUCKLER_AGENT__CLOUD_ULR",
        "did you mean cloud_url?",
        "buckler: WARN: conversation with the server failed: ",
        "buckler: WARN: configuration 0 from the server refused: the running one stays: ",
        "buckler: WARN: enforcement is off: every request passes",
    ] {
        assert!(told.contains(problem), "{problem}: {told}");
    }
    assert!(!told.contains(KEY), "{told}");
}

/// Where a child's servers are: one that takes no key, and one whose configuration is none.
const SERVERS: [&str; 2] = ["STRICT_SERVER_OF_A_CHILD", "ODD_SERVER_OF_A_CHILD"];

#[test]
#[ignore = "run by problems_are_seen_where_no_logger_listens"]
fn unheard_alone() {
    let slip = [("BUCKLER_AGENT__CLOUD_ULR", "x")];
    let settings = Settings::builder().variables(slip).build().unwrap();
    let agent = start(settings).unwrap();
    wait_until(&agent, "the agent guards alone", || {
        agent.status().conversation.state == "local"
    });
    let [strict, odd] = SERVERS.map(|name| env::var(name).unwrap());
    let with = |url: &str| {
        let settings = Settings::builder().cloud_url(url).key(KEY).transport("http-polling");
        start(settings.enforce(false).build().unwrap()).unwrap()
    };
    let agent = with(&strict);
    wait_until(&agent, "its key is refused", || {
        agent.status().conversation.state == "blocked"
    });
    let agent = with(&odd);
    wait_until(&agent, "the configuration is refused", || {
        agent.status().config.refused.is_some()
    });
}

/// What Kubernetes says to every container of a namespace with a service called `buckler`.
const OF_A_SERVICE: [(&str, &str); 7] = [
    ("BUCKLER_SERVICE_HOST", "10.96.0.17"),
    ("BUCKLER_SERVICE_PORT", "443"),
    ("BUCKLER_SERVICE_PORT_HTTPS", "443"),
    ("BUCKLER_PORT", "tcp://10.96.0.17:443"),
    ("BUCKLER_PORT_443_TCP", "tcp://10.96.0.17:443"),
    ("BUCKLER_PORT_443_TCP_PROTO", "tcp"),
    ("BUCKLER_PORT_443_TCP_ADDR", "10.96.0.17"),
];

#[test]
fn a_service_of_kubernetes_that_is_called_buckler_changes_nothing() {
    let mut command = child::command("settings::service_alone");
    command
        .envs(OF_A_SERVICE)
        .env("BUCKLER_SECURITY__DENY_STATUS_CODE", "451");
    child::passes(command);
}

#[test]
#[ignore = "run by a_service_of_kubernetes_that_is_called_buckler_changes_nothing"]
fn service_alone() {
    let agent = Settings::load().and_then(start).unwrap();
    let app = crate::site::Application::start(&agent);
    let (fine, refused) = (
        app.get("/", "203.0.113.9"),
        app.get("/?q=1'+OR+'1'%3D'1", "203.0.113.9"),
    );
    assert_eq!((fine, refused), (200, 451), "and what is ours is read");
    assert_eq!(agent.status().warnings, [""; 0]);
}
