//! The operators' page in a real headless Chromium: what scripts, style sheets, policy and keyboard
//! make of it.

mod driver;

use std::{sync::Arc, thread};

use buckler::protocol::v2::Evidence;
use buckler_server::RunningServer;
use serde_json::{Value, json};

use self::driver::{Browser, Theme, visit};
use crate::{
    flow::{ADMIN, admin, profile, server_for},
    site::{Site, settings},
};

/// The attacker.
const CLIENT: &str = "203.0.113.9";

/// What it sends: an exact value is refused, three different ones are a ban.
const ATTACKS: [&str; 3] = [
    "/item/1?q=1'+OR+'1'%3D'1",
    "/item/2?q=1'+UNION+SELECT+password+FROM+users--",
    "/item/3?q=2'+OR+'2'%3D'2",
];

/// Every view, and the name of its picture.
const VIEWS: [(&str, &str); 9] = [
    ("", "overview"),
    ("/agents", "agents"),
    ("/list", "list"),
    ("/proposals", "proposals"),
    ("/findings", "findings"),
    ("/refusals", "refusals"),
    ("/profiles", "profiles"),
    ("/profiles/shop", "profile"),
    ("/audit", "audit"),
];

/// A server and an application in step with it.
struct Fleet {
    server: RunningServer,
    shop: Site,
}

impl Fleet {
    fn start() -> Self {
        let server = server_for(profile().share_from(Evidence::Repeated));
        let shop = Site::start(settings(server.cloud_url().as_str()));
        shop.wait_until("it runs the server's configuration", || {
            let status = shop.agent.status();
            status.conversation.state == "synced" && status.config.source == "server"
        });
        Self { server, shop }
    }

    fn url(&self, path: &str) -> String {
        let url = self.server.admin_url().join(&format!("/admin/ui{path}"));
        url.unwrap().to_string()
    }

    /// Attacks until the client is banned; the id of its first refusal.
    fn attacked(&self) -> String {
        let ids = ATTACKS.map(|attack| self.shop.app.refusal(attack, CLIENT));
        ids.into_iter().next().unwrap()
    }

    fn in_force(&self) -> Value {
        let asked = || admin(&self.server, "GET", "profiles/shop/config", None)["data"].take();
        // it has a runtime of its own, of which there may be one a thread
        thread::scope(|scope| scope.spawn(asked).join().unwrap())
    }
}

impl Browser {
    async fn sign_in(&self, fleet: &Fleet) {
        self.open(&fleet.url("/refusals")).await;
        self.shows("Sign in to Buckler").await;
        self.fill("#token", "wrong-token").await;
        self.press("Sign in").await;
        self.finds("[role=alert]").await;
        self.fill("#token", ADMIN).await;
        self.press("Sign in").await;
        self.shows("Nothing was refused.").await;
        assert_eq!(
            self.path().await,
            "/admin/ui/refusals",
            "where the operator wanted to go"
        );
    }

    #[track_caller]
    fn is_content(complaints: &[String]) {
        assert!(complaints.is_empty(), "the browser complains: {complaints:#?}");
    }
}

#[test]
fn an_operator_sees_an_attack_live_and_undoes_what_it_led_to() {
    visit(async |browser: Arc<Browser>| {
        let fleet = Fleet::start();
        browser.sign_in(&fleet).await;
        // the failed sign-in is answered 401, which the browser notes
        let complaints = browser.complaints().await;
        assert!(complaints.iter().all(|said| said.contains("401")), "{complaints:?}");
        browser.shows("Live").await;

        // the view changes without being loaded again
        let id = fleet.attacked();
        browser.shows(CLIENT).await;
        browser.shows("banned").await;

        // the client reads the id of its 403 to the operator
        browser.fill("input[name=id]", &id).await;
        browser.press("Find").await;
        browser.shows("Why it was refused").await;
        assert_eq!(browser.path().await, format!("/admin/ui/refusals/{id}"));
        for said in [
            &*id,
            "query:q",
            "sqli/",
            "GET /item/{id}",
            CLIENT,
            "If this was an honest request",
        ] {
            browser.shows(said).await;
        }
        browser.press("Unban").await;
        browser.shows("No entry of the fleet's list bans it.").await;
        fleet
            .shop
            .wait_until("the client is let in", || fleet.shop.get("/", CLIENT) == 200);
        browser.press("Add it to shop").await;
        browser.shows("The profile has it.").await;
        let version = fleet.in_force()["version"].as_u64();
        fleet.shop.wait_until("the application has the exception", || {
            fleet.shop.agent.status().config.version == version
        });
        let answer = fleet.shop.app.ask(ATTACKS[0], CLIENT).unwrap();
        assert_eq!(answer.status, 200, "{answer:?} under {}", fleet.in_force());
        Browser::is_content(&browser.complaints().await);
    });
}

#[test]
fn an_operator_publishes_a_configuration_and_goes_back() {
    visit(async |browser: Arc<Browser>| {
        let fleet = Fleet::start();
        browser.sign_in(&fleet).await;
        browser.complaints().await;
        let before = fleet.in_force();

        browser.open(&fleet.url("/profiles/shop")).await;
        let draft =
            json!({"APP_NAME": "shop", "BLACKLIST_SHARE": true, "BEACON_DELAY": 1, "GTFO_MSG": "Nothing to see here"});
        browser.paste("#config", &draft.to_string()).await;
        browser.press("Check and show the difference").await;
        browser.shows("What would change").await;
        assert_eq!(
            fleet.in_force()["version"],
            before["version"],
            "looked at, and nothing else"
        );
        browser.press("Put in force").await;
        browser
            .comes("the new version", |_| fleet.in_force()["version"] != before["version"])
            .await;
        fleet.shop.wait_until("the application has the new text", || {
            let answer = fleet.shop.app.ask(ATTACKS[0], "198.51.100.7").unwrap();
            answer.text().contains("Nothing to see here")
        });

        browser.open(&fleet.url("/profiles/shop")).await;
        browser.press("Compare with the file's").await;
        browser.shows("Back to what the file says").await;
        browser.press("Put it in force again").await;
        browser
            .comes("what was before", |_| fleet.in_force()["config"] == before["config"])
            .await;
        browser.open(&fleet.url("/audit")).await;
        browser.shows("profile").await;
        Browser::is_content(&browser.complaints().await);
    });
}

#[test]
fn every_view_reads_well_in_both_themes_and_on_a_telephone() {
    visit(async |browser: Arc<Browser>| {
        let fleet = Fleet::start();
        browser.sign_in(&fleet).await;
        browser.complaints().await;
        let id = fleet.attacked();
        browser.shows("banned").await;
        let refusal = (format!("/refusals/{id}"), "refusal");
        let views = VIEWS.map(|(path, name)| (path.to_owned(), name));
        for (path, name) in views.into_iter().chain([refusal]) {
            browser.open(&fleet.url(&path)).await;
            let mut grounds = Vec::new();
            for theme in [Theme::Light, Theme::Dark] {
                browser.theme(theme).await;
                for (device, width, height) in [("desk", 1280, 900), ("telephone", 390, 844)] {
                    browser.size(width, height).await;
                    let fits = "return document.documentElement.scrollWidth <= window.innerWidth";
                    assert_eq!(browser.asked(fits).await, true, "{path} is wider than a {device}");
                    let picture = browser.picture(&format!("{name}-{}-{device}", theme.name())).await;
                    assert!(
                        picture.metadata().unwrap().len() > 5_000,
                        "{} is empty",
                        picture.display()
                    );
                }
                let ground = "return getComputedStyle(document.body).backgroundColor";
                grounds.push(browser.asked(ground).await);
            }
            assert_ne!(grounds[0], grounds[1], "{path} looks alike in both themes");
        }
        Browser::is_content(&browser.complaints().await);
    });
}

#[test]
fn the_keyboard_alone_reaches_and_presses_every_control() {
    visit(async |browser: Arc<Browser>| {
        let fleet = Fleet::start();
        browser.sign_in(&fleet).await;
        fleet.attacked();
        browser.open(&fleet.url("/list")).await;
        browser.shows(CLIENT).await;
        let wanted = "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]\
                      .filter(control => control.checkVisibility()).length";
        let wanted = browser.asked(wanted).await.as_u64().unwrap();
        browser.asked("window.reached = new Set(); return null").await;
        let focused = "const at = document.activeElement; window.reached.add(at); \
                       const ring = getComputedStyle(at); \
                       return [at.innerText, window.reached.size, ring.outlineStyle !== 'none' || ring.boxShadow !== 'none']";
        let mut is_there = false;
        for step in 0..wanted {
            browser.key("Tab").await;
            let at = browser.asked(focused).await;
            assert_eq!(at[2], true, "it is not shown that {} has the focus", at[0]);
            assert_eq!(at[1], step + 1, "the focus went round before all were reached: {at}");
            is_there |= at[0] == "Unban";
        }
        assert!(is_there, "no button to unban was reached");
        browser.open(&fleet.url("/list")).await;
        // what is live may be drawn again while the focus is on its way
        let at = "return document.activeElement.innerText";
        let mut tabs = 0;
        while browser.asked(at).await != "Unban" {
            assert!(tabs <= 2 * wanted, "the button is not reached again");
            browser.key("Tab").await;
            tabs += 1;
        }
        browser.key("Enter").await;
        browser.shows("The list is empty.").await;
    });
}
