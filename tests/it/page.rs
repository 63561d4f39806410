//! The operators' page in a real browser: an attack appears live, is explained by the id of its
//! refusal, and is let in again; a configuration is put in force; nothing hostile runs.
//!
//! Where there is no Chromium these tests are skipped, with a message.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use buckler::{
    clock::{Clock as _, SystemClock},
    protocol::v2::{AddressOrigin, AgentPart, Detail, Event, EventKind, Evidence, Health},
};
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use buckler_tests::http;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    browser::Browser,
    flow::{ADMIN, admin},
    site::{KEY, PATIENCE, Site, settings},
};

/// What would run if it were not text.
const HOSTILE: &str = r#"'"><img src=x onerror=window.pwned=1><script>window.pwned=1</script>"#;

/// A server whose agents share what several values of one client have shown.
fn server() -> RunningServer {
    let profile = Profile::for_key(KEY)
        .share_from(Evidence::Repeated)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", 1);
    let config = ServerConfig::new().profile("shop", profile).admin_token(ADMIN);
    Server::builder(config).listen("127.0.0.1:0").start().unwrap()
}

/// A server, and a browser that has signed in to its page.
struct Desk {
    server: RunningServer,
    browser: Browser,
}

#[expect(
    clippy::print_stderr,
    reason = "who runs the tests must see that these have shown nothing"
)]
fn skipped() {
    eprintln!("skipped: chromium and chromedriver are not installed");
}

impl Desk {
    fn open() -> Option<Self> {
        let Some(browser) = Browser::start() else {
            skipped();
            return None;
        };
        let desk = Self {
            server: server(),
            browser,
        };
        desk.show("");
        desk.browser.write("#token", "a guess");
        desk.browser.click("button[type=submit]");
        desk.until("the guess is refused", || {
            desk.browser.text("[role=alert]").contains("wrong")
        });
        let refused = desk.browser.errors();
        assert!(refused.iter().all(|error| error.contains("401")), "{refused:?}");
        desk.browser.write("#token", ADMIN);
        // by keyboard: the field has the focus
        desk.browser.press('\u{e007}');
        desk.until("it has signed in", || desk.browser.text("h1") == "Overview");
        Some(desk)
    }

    fn url(&self, view: &str) -> String {
        self.server.admin_url().join("ui").unwrap().to_string() + view
    }

    fn show(&self, view: &str) {
        self.browser.open(&self.url(view));
    }

    #[track_caller]
    fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let begun = SystemClock::new();
        while !condition() {
            let seen = || self.browser.text("body");
            assert!(
                begun.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}; {}",
                seen()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Nothing failed in the browser, and nothing was forbidden by the page's policy.
    #[track_caller]
    fn is_sound(&self) {
        let errors = self.browser.errors();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(self.browser.value("typeof window.pwned"), "undefined");
    }

    /// Ends a test that has come to its end.
    fn close(self) {
        self.is_sound();
        let Self { server, browser } = self;
        drop(browser);
        server.stop(Duration::from_secs(5));
    }
}

fn in_step(server: &RunningServer) -> Site {
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it runs the server's configuration", || {
        let status = site.agent.status();
        status.conversation.state == "synced" && status.config.source == "server"
    });
    site
}

#[test]
fn an_attack_appears_live_is_explained_by_its_id_and_let_in_again() {
    let Some(desk) = Desk::open() else { return };
    let browser = &desk.browser;
    let shop = in_step(&desk.server);
    desk.until("the page is live", || browser.text("#live") == "Live");
    browser.value("window.sameDocument = true");
    let client = "203.0.113.9";
    assert_eq!(shop.get("/item/7?q=1'+OR+'1'%3D'1", client), 403);
    desk.until("the attack appears", || browser.text("main").contains(client));
    assert_eq!(browser.value("window.sameDocument"), true, "it was not loaded again");

    for attack in [
        "/item/7?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/item/7?q=1;cat+/etc/passwd",
    ] {
        shop.get(attack, client);
    }
    let id = shop.app.refusal("/", client);
    desk.show("/refusals");
    desk.until("the ban has come", || browser.text("main").contains("banned"));
    browser.write("input[name=id]", &id.to_uppercase());
    browser.click(".filters button");
    desk.until("the id is explained", || browser.text("h1") == "Why it was refused");
    let said = browser.text("main");
    assert!(
        said.contains(client) && said.contains("query:q") && said.contains("is banned"),
        "{said}"
    );
    browser.click("form[action$=unban] button");
    desk.until("it is let in again", || {
        browser.text("main").contains("No entry of the fleet's list")
    });
    shop.wait_until("the application lets it in", || shop.get("/", client) == 200);

    let exception = browser.text("pre");
    browser.click("form[action$=allow] button");
    desk.until("the profile has the exception", || {
        browser.text("main").contains("The profile has it")
    });
    let profile = admin(&desk.server, "GET", "profiles/shop/config", None);
    let exception: Value = serde_json::from_str(&exception).unwrap();
    assert_eq!(profile["data"]["config"]["EXCEPTIONS"], json!([exception]));
    desk.close();
}

#[test]
fn a_configuration_is_compared_and_put_in_force_in_the_browser() {
    let Some(desk) = Desk::open() else { return };
    let browser = &desk.browser;
    let shop = in_step(&desk.server);
    desk.show("/profiles/shop");
    browser.write("#config", "{\"APP_NAME\": 7, ");
    browser.click("button[value=check]");
    desk.until("the slip is shown", || browser.text("[role=alert]").contains("line 1"));
    browser.write(
        "#config",
        "APP_NAME = \"shop\"\nBLACKLIST_SHARE = true\nBEACON_DELAY = 1\nBLACKLIST_STATUS_CODE = 418",
    );
    browser.click("button[value=check]");
    desk.until("the difference is shown", || browser.text(".diff .new").contains("418"));
    browser.click("button[value=publish]");
    desk.until("it is in force", || {
        browser.text("#config").is_empty() && browser.url().ends_with("/profiles/shop")
    });
    let version = admin(&desk.server, "GET", "profiles/shop/config", None)["data"]["version"].as_u64();
    shop.wait_until("the agent runs it", || shop.agent.status().config.version == version);
    desk.show("/profiles");
    desk.until("the page says so, live", || browser.text(".badge.good").contains("1 ×"));
    desk.close();
}

/// An application's agents as their server hears them, without applications.
fn fleet(server: &RunningServer) -> (Uuid, String) {
    let now_ms = u64::try_from(SystemClock::new().unix().as_millis()).unwrap();
    let events = (1..=180_u64).map(|seq| event(seq, now_ms));
    let mut part = AgentPart {
        agent_id: Uuid::new_v4(),
        instance_id: Uuid::now_v7(),
        stream: Uuid::new_v4(),
        first: 1,
        events: events.collect(),
        ..AgentPart::default()
    };
    part.totals.success = 1_204_331;
    part.totals.errors = 2_011;
    part.totals.blocked = 212;
    part.health = Health {
        state: "synced".to_owned(),
        alarm: Some(format!(
            "172.18.0.2 passes requests on and is not declared: trusted_proxies = [\"172.18.0.2\"] {HOSTILE}"
        )),
        ..Health::default()
    };
    let id = part.agent_id;
    tell(server, &part);
    let calm = AgentPart {
        agent_id: Uuid::new_v4(),
        instance_id: Uuid::now_v7(),
        stream: Uuid::new_v4(),
        first: 1,
        ..AgentPart::default()
    };
    tell(server, &calm);
    (id, format!("{:016x}", 180))
}

fn event(seq: u64, now_ms: u64) -> Event {
    let checks = ["sqli", "xss", "decoy", "command", "flood", "sqli", "path"];
    let nth = usize::try_from(seq).unwrap();
    let check = checks[nth % checks.len()];
    let is_last = seq == 180;
    let detail = Detail {
        id: Some(format!("{seq:016x}")),
        rule: format!("{check}/rule-{}", seq % 5),
        place: if is_last {
            HOSTILE.to_owned()
        } else {
            "query:q".to_owned()
        },
        score: 95,
        level: 2,
        config_version: Some(1),
        method: Some("GET".to_owned()),
        route: Some(if is_last { HOSTILE } else { "/item/{id}" }.to_owned()),
        host: Some(if is_last { HOSTILE } else { "shop.example.com" }.to_owned()),
        status: Some(403),
        exception: Some(json!({"rule": format!("{check}/rule"), "place": "query:q"}).to_string()),
        requests: 3,
        values: 3,
        withheld: false,
    };
    let is_ban = seq.is_multiple_of(5);
    Event {
        seq,
        kind: if is_ban { EventKind::Ban } else { EventKind::Attack },
        address: format!("{}.0.113.{}", [203, 198, 192][nth % 3], seq % 40),
        at_ms: now_ms - (180 - seq) * (180 - seq) * 90,
        ttl_s: if is_ban { 86_400 } else { 0 },
        why: check.to_owned(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: Some(Box::new(detail)),
    }
}

fn tell(server: &RunningServer, part: &AgentPart) {
    let message = json!({
        "key": KEY, "version": "0.1.0", "proto": 2, "v2": part, "platform": "actix-web",
        "routes": {"index": {"methods": ["GET"], "path": "/"}},
    });
    let url = server.cloud_url();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let body = message.to_string();
    let head = format!(
        "POST /config HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = http::ask(address, &head, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Every view, with the name of its picture.
fn views(agent: Uuid, refusal: &str) -> Vec<(&'static str, String)> {
    vec![
        ("overview", String::new()),
        ("agents", "/agents".to_owned()),
        ("agent", format!("/agent?profile=shop&id={agent}")),
        ("list", "/list".to_owned()),
        ("client", "/list?address=203.0.113.15".to_owned()),
        ("refusals", "/refusals".to_owned()),
        ("refusal", format!("/refusals/{refusal}")),
        ("profiles", "/profiles".to_owned()),
        ("profile", "/profiles/shop".to_owned()),
        ("audit", "/audit".to_owned()),
    ]
}

/// Where pictures are kept, as output of the build.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("page")
}

#[test]
fn every_view_of_the_page_is_sound_in_both_themes_and_on_a_telephone() {
    let Some(desk) = Desk::open() else { return };
    let browser = &desk.browser;
    let (agent, refusal) = fleet(&desk.server);
    for (address, reason) in [("198.51.100.0/24", "scans the shop"), ("192.0.2.77", HOSTILE)] {
        let ban = json!({"address": address, "ttl_s": 604_800, "reason": reason, "force": true});
        admin(&desk.server, "POST", "blacklist", Some(ban));
    }
    for (theme, width) in [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)] {
        browser.show_as(theme, width);
        for (name, view) in views(agent, &refusal) {
            desk.show(&view);
            browser.keep_picture(&pictures().join(format!("{name}-{theme}-{width}.png")));
            let over = browser.value(&format!("document.documentElement.scrollWidth - {width}"));
            assert!(
                over.as_i64().unwrap() <= 0,
                "{name} at {width}: {over} pixels stand out"
            );
            assert!(!browser.text("main").is_empty(), "{name}");
            desk.is_sound();
        }
    }
    browser.show_as("dark", 1280);
    assert_eq!(
        browser.value("getComputedStyle(document.body).backgroundColor"),
        "rgb(14, 20, 36)"
    );
    desk.show(&format!("/refusals/{refusal}"));
    assert!(
        browser.text("main").contains("<script>window.pwned=1</script>"),
        "hostile text is shown as it is"
    );
    desk.close();
}

#[test]
fn the_page_can_be_read_without_scripts_and_walked_by_keyboard() {
    let Some(desk) = Desk::open() else { return };
    let browser = &desk.browser;
    fleet(&desk.server);
    desk.show("");
    browser.press('\u{e004}');
    let focused = browser.value("document.activeElement.textContent");
    assert_eq!(focused, "Skip to content", "the first stop");
    browser.press('\u{e007}');
    desk.until("the content has the focus", || {
        browser.value("location.hash") == "#main"
    });
    browser.run_scripts(false);
    desk.show("/refusals?check=xss");
    browser.run_scripts(true);
    let text = browser.text("main");
    assert!(text.contains("203.0.113.") && text.contains("xss/rule-"), "{text}");
    assert!(!text.contains("sqli/"), "it is filtered: {text}");
    desk.close();
}
