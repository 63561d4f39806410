//! Agents on the page: by what their hosts say of them, and no longer once they are forgotten.

use super::*;

async fn named(cloud: &Cloud, said: Value) -> Agent {
    let mut agent = Agent::new();
    agent.part.identity = Some(serde_json::from_value(said).unwrap());
    agent.register(cloud).await;
    agent
}

#[actix_web::test]
async fn agents_are_shown_and_found_by_what_their_hosts_say() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let said = json!({"name": "storefront", "host": "web-1", "environment": "production", "labels": {"tier": "web"}});
    let agent = named(&cloud, said).await;
    let hostile = json!({"name": HOSTILE, "host": HOSTILE, "release": HOSTILE, "environment": HOSTILE, "labels": {HOSTILE: HOSTILE}});
    let other = named(&cloud, hostile).await;
    let all = visit.shown("/agents");
    assert!(all.contains("storefront") && all.contains("2 agents"), "{all}");
    for (filter, is_found) in [
        ("environment=production", true),
        ("environment=staging", false),
        ("text=web-1", true),
        ("text=tier%3Aweb", true),
        ("text=nowhere", false),
    ] {
        let shown = visit.shown(&format!("/agents?{filter}"));
        assert_eq!(shown.contains("storefront</a>"), is_found, "{filter}");
    }
    let one = visit.shown(&format!("/agent?profile=shop&id={}", agent.part.agent_id));
    for said in ["Agent of storefront", "web-1", "production", "tier:web"] {
        assert!(one.contains(said), "{said}: {one}");
    }
    for view in [
        "/agents".to_owned(),
        format!("/agent?profile=shop&id={}", other.part.agent_id),
    ] {
        let shown = visit.shown(&view);
        assert!(
            shown.contains("&lt;img src=x") && !shown.contains("<img src=x"),
            "{shown}"
        );
    }
}

#[actix_web::test]
async fn agents_that_make_up_releases_do_not_fill_the_page() {
    let cloud = Cloud::start(config());
    for n in 0..205 {
        named(&cloud, json!({"release": format!("r{n:03}")})).await;
    }
    let visit = cloud.sign_in(TOKEN);
    let options = |shown: &str| shown.matches("<option>r").count();
    let shown = visit.shown("/agents");
    assert_eq!(options(&shown), 200, "{shown}");
    let asked = visit.shown("/agents?release=r204");
    assert_eq!(options(&asked), 200);
    assert!(
        asked.contains("<option selected>r204") && asked.contains("1 agent"),
        "{asked}"
    );
}

#[actix_web::test]
async fn agents_that_are_gone_are_forgotten_on_the_page() {
    let cloud = Cloud::start(config());
    let (one, two) = (named(&cloud, json!({})).await, named(&cloud, json!({})).await);
    let of_one = format!("/agent?profile=shop&id={}", one.part.agent_id);
    cloud.clock.pass(3_600);
    let visit = cloud.sign_in(TOKEN);
    assert!(visit.shown(&of_one).contains("Forget it"));
    let token = cloud.token("viewer", "view", Value::Null).await;
    let viewer = cloud.sign_in(&token);
    assert!(!viewer.shown(&of_one).contains("Forget it"));
    assert_eq!(viewer.post("/agents/forget", &[]).status, 403);
    let id = one.part.agent_id.to_string();
    assert_eq!(
        visit.post("/agent/forget", &[("profile", "shop"), ("id", &id)]).status,
        303
    );
    assert_eq!(visit.get(&of_one).status, 404);
    assert!(!visit.shown("/agents").contains("Forget all"));
    assert!(
        visit
            .shown("/agents?condition=gone")
            .contains("Forget all that are gone")
    );
    // the button would forget others than those that are shown
    let narrowed = visit.shown(&format!("/agents?condition=gone&text={}", two.part.agent_id));
    assert!(
        narrowed.contains("1 agent") && !narrowed.contains("Forget all"),
        "{narrowed}"
    );
    assert_eq!(visit.post("/agents/forget", &[]).status, 303);
    assert!(visit.shown("/agents").contains("0 agents"));
}
