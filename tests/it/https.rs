//! TLS on the server's own listeners: real agents over both transports, certificates that stand for
//! profiles, files that change, and a listener for operators.

use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use buckler_actix_web::{Settings, start};
use buckler_server::{ClientSubject, Profile, RunningServer, Server, ServerConfig, Tls};
use buckler_tests::{
    ca::{Ca, Identity},
    proxy::ConnectProxy,
    wait::until,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    child,
    rig::{HTTP_POLLING, Rig, WEBSOCKET, believing},
    site::{KEY, PATIENCE, Site, settings, wait_until},
};

const TOKEN: &str = "admin-token-of-the-test";

/// A server with TLS, and the files of its certificates.
struct Secure {
    server: RunningServer,
    ca: Ca,
    dir: TempDir,
}

impl Secure {
    /// With an authority for agents where `clients` is one.
    fn start(clients: Option<&Ca>) -> Self {
        Self::called("127.0.0.1", clients)
    }

    /// By a name.
    fn called(name: &str, clients: Option<&Ca>) -> Self {
        let (ca, dir) = (Ca::new("of the server").unwrap(), tempfile::tempdir().unwrap());
        let own = ca.issue(name).unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let shop = Profile::for_key(KEY).set("APP_NAME", "shop").set("BEACON_DELAY", 1);
        let by_certificate = Profile {
            client_subjects: clients
                .map(|_| ClientSubject::parse("CN=blog").unwrap())
                .into_iter()
                .collect(),
            ..Profile::default().set("APP_NAME", "blog").set("BEACON_DELAY", 1)
        };
        let config = ServerConfig {
            admin_listen: Some("127.0.0.1:0".to_owned()),
            tls: Some(Tls {
                cert: file("cert.pem", &own.certificate_pem),
                key: file("key.pem", &own.key_pem),
                client_ca: clients.map(|clients| file("clients.pem", &clients.pem())),
                crl: clients.map(|clients| file("crl.pem", &clients.revoke(&[]).unwrap())),
                client_required: false,
            }),
            ..ServerConfig::new()
                .admin_token(TOKEN)
                .profile("shop", shop)
                .profile("blog", by_certificate)
        };
        let builder = Server::builder(config)
            .listen("127.0.0.1:0")
            .reload_every(Duration::from_millis(5));
        file("ca.pem", &ca.pem());
        let server = builder.start().unwrap();
        Self { server, ca, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file as an option of a transport.
    fn written(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn site(&self, rig: Rig) -> Site {
        let ca = self.path("ca.pem").to_str().unwrap().to_owned();
        let settings = believing(rig, settings(self.server.cloud_url().as_str()), &ca);
        Site::over_real_time(rig, settings)
    }

    fn admin_address(&self) -> SocketAddr {
        let url = self.server.admin_url();
        format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap()
    }

    fn admin(&self, head: &str, body: &str) -> Value {
        let head = format!("{head} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
        let (status, text, _) = ask(self.admin_address(), &self.ca, None, &head, body).unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// A client's side of TLS.
fn connection(believed: &Ca, client: Option<&Identity>) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(believed.pem().as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap()
}

/// Asks over TLS, as a client with this certificate: the status, the body, and the server's
/// certificate.
fn ask(
    address: SocketAddr,
    believed: &Ca,
    client: Option<&Identity>,
    head: &str,
    body: &str,
) -> io::Result<(u16, String, CertificateDer<'static>)> {
    let connection = connection(believed, client);
    let tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, tcp);
    let length = body.len();
    write!(
        stream,
        "{head}Host: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        read?;
    }
    let answer = String::from_utf8(answer).map_err(io::Error::other)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer: {answer:?}")))?;
    let text = answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
    let own = stream.conn.peer_certificates().and_then(<[_]>::first);
    let own = own.ok_or_else(|| io::Error::other("no certificate"))?;
    Ok((status, text, own.clone().into_owned()))
}

fn state(site: &Site) -> &'static str {
    site.agent.status().conversation.state
}

#[test]
fn https_agents_on_both_transports_follow_the_list() {
    let secure = Secure::start(None);
    for (rig, client) in [(HTTP_POLLING, "203.0.113.9"), (WEBSOCKET, "203.0.113.10")] {
        let site = secure.site(rig);
        site.wait_until("it is in step", || state(&site) == "synced");
        let ban = json!({"address": client, "ttl_s": 600, "reason": "seen in the log"}).to_string();
        secure.admin("POST /admin/blacklist", &ban);
        site.wait_until("the ban has come", || site.get("/", client) == 403);
        let agents = secure.admin("GET /admin/agents", "")["data"]["agents"].take();
        let shown = if rig.kind == "websocket" { "web_socket" } else { "http" };
        let transports: Vec<&str> = agents
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["transport"].as_str())
            .collect();
        assert!(
            transports
                .iter()
                .any(|one| one.replace('_', "") == shown.replace('_', "")),
            "{transports:?}"
        );
    }
    let plain = buckler_tests::http::try_ask(secure.server.address(), "GET /livez HTTP/1.1\r\n", b"");
    assert!(
        plain.is_err() || plain.is_ok_and(|answer| answer.status != 200),
        "only TLS is spoken"
    );
}

/// Where a child's settings are, and the state that its agent is to come to.
const CHILD: [&str; 2] = ["SETTINGS_OF_A_CHILD_BEHIND_A_PROXY", "STATE_OF_A_CHILD_BEHIND_A_PROXY"];

#[test]
fn https_proxy_of_the_environment_leads_to_the_server_unless_it_is_exempt() {
    /// A name that leads nowhere but through the proxy.
    const NAME: &str = "fleet.buckler.invalid";
    let secure = Secure::called(NAME, None);
    // `user:hush`
    let proxy = ConnectProxy::leading_to(secure.server.address(), "Basic dXNlcjpodXNo");
    let (ca, port) = (secure.path("ca.pem"), secure.server.address().port());
    for (kind, exempt, state) in [
        ("http-polling", "other.invalid", "synced"),
        ("websocket", "", "synced"),
        ("auto", "192.0.2.0/24", "synced"),
        ("http-polling", "buckler.invalid", "retrying"),
        ("websocket", "*", "retrying"),
    ] {
        let option = |kind: &str| format!("[transport.{kind}]\nca_file = {ca:?}\ntimeout = \"5s\"\n");
        let options = match kind {
            "auto" => option("http-polling") + &option("websocket"),
            one => option(one),
        };
        let agent = format!("[agent]\ncloud_url = \"https://{NAME}:{port}/config\"\nkey = \"{KEY}\"\n");
        let file = secure.written(
            "agent.toml",
            &format!("{agent}[transport]\nkind = \"{kind}\"\n{options}"),
        );
        let before = proxy.tunnels();
        let mut command = child::command("https::behind_a_proxy_alone");
        command
            .env("HTTPS_PROXY", format!("http://user:hush@{}", proxy.address()))
            .env("NO_PROXY", exempt)
            .env_remove("https_proxy")
            .env_remove("no_proxy")
            .envs(CHILD.into_iter().zip([file.as_str(), state]));
        child::passes(command);
        assert_eq!(proxy.tunnels() > before, state == "synced", "{kind}, NO_PROXY={exempt}");
        assert_eq!(proxy.refused(), 0, "{kind}");
    }
}

#[test]
#[ignore = "run by https_proxy_of_the_environment_leads_to_the_server_unless_it_is_exempt"]
fn behind_a_proxy_alone() {
    let [settings, wanted] = CHILD.map(|name| env::var(name).unwrap());
    let agent = Settings::from_file(settings).and_then(start).unwrap();
    wait_until(&agent, &wanted, || agent.status().conversation.state == wanted);
}

#[test]
fn https_certificate_stands_for_a_profile_until_it_is_revoked() {
    let clients = Ca::new("of the agents").unwrap();
    let secure = Secure::start(Some(&clients));
    let (blog, stranger) = (clients.issue("blog").unwrap(), clients.issue("stranger").unwrap());
    let ca = secure.path("ca.pem").to_str().unwrap().to_owned();
    let settings = believing(WEBSOCKET, settings(secure.server.cloud_url().as_str()), &ca)
        .key("key-of-no-profile")
        .transport_option(
            "websocket",
            "client_cert",
            secure.written("blog.pem", &blog.certificate_pem),
        )
        .transport_option("websocket", "client_key", secure.written("blog.key", &blog.key_pem));
    let site = Site::over_real_time(WEBSOCKET, settings);
    site.wait_until("it is in step", || state(&site) == "synced");

    let register = |client: Option<&Identity>, key: &str| {
        let body = json!({"key": key, "version": "0.9.2"}).to_string();
        ask(
            secure.server.address(),
            &secure.ca,
            client,
            "POST /config HTTP/1.1\r\n",
            &body,
        )
    };
    let status = |client, key| register(client, key).unwrap().0;
    assert_eq!(status(Some(&blog), "key-of-no-profile"), 200);
    assert!(register(Some(&blog), "x").unwrap().1.contains("\"blog\""));
    assert_eq!(status(Some(&blog), KEY), 403, "the key is another profile's");
    assert_eq!(status(Some(&stranger), "key-of-no-profile"), 403, "no profile names it");
    assert_eq!(status(Some(&stranger), KEY), 200, "a key is enough");
    assert_eq!(status(None, "key-of-no-profile"), 403);
    let foreign = Ca::new("another authority").unwrap().issue("blog").unwrap();
    assert!(register(Some(&foreign), KEY).is_err(), "another authority's");

    fs::write(secure.path("crl.pem"), clients.revoke(&[&blog]).unwrap()).unwrap();
    site.wait_until("its connection was ended", || state(&site) != "synced");
    until("it is refused in the handshake", || register(Some(&blog), KEY).is_err());
    assert_eq!(status(Some(&stranger), KEY), 200, "the other is not revoked");
}

#[test]
fn https_certificate_is_read_again_and_a_broken_one_is_not_used() {
    let secure = Secure::start(None);
    let served = || {
        ask(
            secure.server.address(),
            &secure.ca,
            None,
            "GET /readyz HTTP/1.1\r\n",
            "",
        )
        .map(|(.., own)| own)
    };
    let first = served().unwrap();
    let next = secure.ca.issue("127.0.0.1").unwrap();
    // in two steps, as programs do that renew certificates: the pair does not match in between
    fs::write(secure.path("cert.pem"), &next.certificate_pem).unwrap();
    fs::write(secure.path("key.pem"), &next.key_pem).unwrap();
    until("the next is served", || served().is_ok_and(|own| own != first));
    let expected = CertificateDer::from_pem_slice(next.certificate_pem.as_bytes()).unwrap();
    assert_eq!(served().unwrap(), expected);

    fs::write(secure.path("key.pem"), "-----BEGIN nothing").unwrap();
    let problem = || secure.admin("GET /admin/health", "")["data"]["tls"]["problem"].take();
    until("the problem is told", || problem().is_string());
    let problem = problem().as_str().unwrap().to_owned();
    assert!(
        problem.starts_with("key: found") && problem.contains("key.pem") && problem.contains("allowed"),
        "{problem}"
    );
    assert_eq!(served().unwrap(), expected, "what was there before");
    fs::write(secure.path("key.pem"), &next.key_pem).unwrap();
    let is_well = || secure.admin("GET /admin/health", "")["data"]["tls"]["problem"].is_null();
    until("all is well again", is_well);
}

#[test]
fn https_authority_that_was_mended_is_believed_without_a_restart() {
    let secure = Secure::start(None);
    let foreign = Ca::new("another authority").unwrap();
    let ca_file = secure.written("believed.pem", &foreign.pem());
    let url = secure.server.cloud_url();
    let options = [HTTP_POLLING, WEBSOCKET].map(|rig| format!("[transport.{}]\nca_file = \"{ca_file}\"\n", rig.kind));
    let text = format!("[agent]\ncloud_url = \"{url}\"\nkey = \"{KEY}\"\n{}", options.concat());
    let settings = Settings::from_file(secure.written("buckler.toml", &text)).unwrap();
    let agent = start(settings).unwrap();
    let problem = || agent.status().conversation.problem;
    until("the server is not believed", || {
        problem().is_some_and(|problem| problem.contains("certificate"))
    });
    secure.written("believed.pem", &secure.ca.pem());
    until("it is in step", || agent.status().conversation.state == "synced");
    assert_eq!(agent.status().restarts, 0);
}

#[test]
fn https_operators_have_a_listener_of_their_own() {
    let secure = Secure::start(None);
    let (agents, operators) = (secure.server.address(), secure.admin_address());
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let status = |address, path: &str| ask(address, &secure.ca, None, &head(path), "").unwrap().0;
    assert_eq!(
        (status(agents, "/admin/health"), status(operators, "/admin/health")),
        (404, 200)
    );
    assert_eq!((status(agents, "/config"), status(operators, "/config")), (403, 404));
    assert_eq!((status(agents, "/livez"), status(operators, "/livez")), (200, 200));
    assert_eq!((status(agents, "/readyz"), status(operators, "/readyz")), (200, 200));
    secure.server.drain(Duration::from_secs(3_600));
    assert_eq!((status(agents, "/readyz"), status(agents, "/livez")), (503, 200));
    assert_eq!(status(operators, "/readyz"), 503);
    assert_eq!(status(operators, "/admin/health"), 200, "everything else is answered");
}

#[test]
fn https_settings_that_mean_nothing_are_refused() {
    let start = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.toml");
        fs::write(&file, text).unwrap();
        let config = ServerConfig::from_file(&file).map_err(|error| error.to_string())?;
        let server = Server::builder(config).listen("127.0.0.1:0").start();
        server.map(drop).map_err(|error| error.to_string())
    };
    let refused = |text: &str, words: &[&str]| {
        let said = start(text).unwrap_err();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    let tls = "[tls]\ncert = \"/absent/cert.pem\"\nkey = \"/absent/key.pem\"\n";
    refused(tls, &["[tls] cert: found /absent/cert.pem"]);
    refused(&format!("{tls}crl = \"crl.pem\"\n"), &["[tls] crl", "client_ca"]);
    refused(
        &format!("{tls}client_required = true\n"),
        &["[tls] client_required", "client_ca"],
    );
    refused(
        "[profiles.shop]\nclient_subjects = [\"CN=shop\"]\n",
        &["\"shop\"", "client_subjects", "client_ca"],
    );
    refused(
        "[profiles.shop]\nclient_subjects = [\"shop\"]\n",
        &["found \"shop\"", "ATTRIBUTE=value"],
    );
    refused(
        "admin_listen = \"256.0.0.1:1\"\n",
        &["admin_listen: found \"256.0.0.1:1\""],
    );
}
