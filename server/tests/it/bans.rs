//! What a fleet makes of its agents' bans: they grow with repetition, and weak ones stay where they were made.

use buckler::protocol::v2::{EventKind, Evidence};
use buckler_server::{Profile, ServerConfig};
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY, TOKEN};

const CLIENT: &str = "203.0.113.7";

fn started(profile: Profile) -> Cloud {
    Cloud::start(ServerConfig::new().profile("shop", profile).admin_token(TOKEN))
}

impl Agent {
    /// Tells of a ban, and what the list then says how long its entry lasts.
    async fn bans(&mut self, cloud: &Cloud, ttl_s: u64, evidence: Evidence) -> Value {
        self.event(EventKind::Ban, CLIENT, cloud.clock.unix(), ttl_s);
        self.part.events.last_mut().unwrap().evidence = evidence;
        let answer = self.beacon(cloud).await;
        assert_eq!(answer.nack, Vec::new());
        self.trim(answer.ack.unwrap());
        cloud.entry(CLIENT).await
    }
}

impl Cloud {
    async fn entry(&self, address: &str) -> Value {
        let path = format!("/admin/blacklist?address={address}");
        let listed = self.admin(awc::http::Method::GET, &path, &Value::Null).await.good();
        listed["entries"][0]["ttl_s"].clone()
    }
}

#[actix_web::test]
async fn a_client_that_several_applications_catch_is_banned_for_longer_each_time() {
    let cloud = started(Profile::for_key(KEY).share_from(Evidence::Repeated));
    let (mut shop, mut blog, mut forum) = (Agent::new(), Agent::new(), Agent::new());
    for agent in [&shop, &blog, &forum] {
        agent.register(&cloud).await;
    }
    assert_eq!(
        shop.bans(&cloud, 300, Evidence::Repeated).await,
        300,
        "as its agent says"
    );
    assert_eq!(
        blog.bans(&cloud, 300, Evidence::Repeated).await,
        300,
        "caught by two at once"
    );
    cloud.clock.pass(301);
    assert_eq!(
        blog.bans(&cloud, 300, Evidence::Repeated).await,
        3600,
        "for the second time"
    );
    cloud.clock.pass(3601);
    assert_eq!(forum.bans(&cloud, 300, Evidence::Certain).await, 86_400);
    cloud.operator_unbans(CLIENT).await.good();
    cloud.clock.pass(1);
    assert_eq!(
        shop.bans(&cloud, 300, Evidence::Repeated).await,
        300,
        "let in, it begins again"
    );
}

#[actix_web::test]
async fn no_ban_is_longer_than_the_profile_lets_it_be() {
    let cloud = started(
        Profile::for_key(KEY)
            .share_from(Evidence::Repeated)
            .set("BLACKLIST_DELAY", 1000),
    );
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    for lasts in [300, 1000, 1000] {
        assert_eq!(agent.bans(&cloud, 300, Evidence::Repeated).await, lasts);
        cloud.clock.pass(1001);
    }
}

#[actix_web::test]
async fn a_ban_by_weaker_evidence_than_the_profile_shares_stays_where_it_was_made() {
    for (share_from, shared) in [
        (Evidence::Certain, [false, false, true]),
        (Evidence::Repeated, [false, true, true]),
        (Evidence::Threshold, [true, true, true]),
    ] {
        let evidence = [Evidence::Threshold, Evidence::Repeated, Evidence::Certain];
        for (evidence, shared) in evidence.into_iter().zip(shared) {
            let cloud = started(Profile::for_key(KEY).share_from(share_from));
            let mut agent = Agent::new();
            agent.register(&cloud).await;
            let lasts = agent.bans(&cloud, 300, evidence).await;
            assert_eq!(
                lasts.is_u64(),
                shared,
                "{evidence:?} where {share_from:?} is shared: {lasts}"
            );
            let counted = &cloud.agents().await[0]["shared"];
            let refused = if shared { Value::Null } else { json!(1) };
            assert_eq!(counted["refused"]["weak_evidence"], refused, "{counted}");
        }
    }
    let profile = "keys = [\"k\"]\nshare_from = \"certain\"";
    assert_eq!(
        toml::from_str::<Profile>(profile).unwrap().share_from,
        Evidence::Certain
    );
    let unknown = toml::from_str::<Profile>("share_from = \"sure\"")
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("share_from") && unknown.contains("`certain`"),
        "{unknown}"
    );
}
