//! The list's neighbours on the page: what operators allow, and many bans at once.

use super::*;

#[actix_web::test]
async fn what_is_allowed_is_seen_made_and_taken_back() {
    let cloud = Cloud::start(config());
    let _agent = refused(&cloud, "/search").await;
    let visit = cloud.sign_in(TOKEN);
    let refusal = format!("/refusals/{ID}");
    let form = visit.shown(&refusal);
    assert!(
        form.contains("Allow an address") && form.contains(&format!("refused as {ID}")),
        "{form}"
    );
    let back = format!("/admin/ui/refusals/{ID}");
    let sent = [
        ("fleet", "default"),
        ("address", "203.0.113.7"),
        ("ttl_s", "86400"),
        ("reason", HOSTILE),
        ("back", &back),
    ];
    let done = visit.post("/list/allow", &sent);
    assert_eq!((done.status, done.header("location")), (303, Some(back.as_str())));
    assert!(cloud.listed().await.is_empty(), "its ban is lifted");
    for view in [refusal.as_str(), "/list", "/list?address=203.0.113.7"] {
        let shown = visit.shown(view);
        assert!(
            shown.contains("203.0.113.7") && shown.contains("&lt;img src=x"),
            "{shown}"
        );
        assert!(!shown.contains("<img src=x"), "{shown}");
    }
    assert!(visit.shown("/list").contains("Allow no longer"));
    let ban = [
        ("address", "203.0.113.0/24"),
        ("ttl_s", "600"),
        ("reason", "x"),
        ("sure", "yes"),
    ];
    let refused = visit.post("/list/ban", &ban);
    assert!(
        refused.status == 409 && refused.text().contains("touches 203.0.113.7"),
        "{}",
        refused.text()
    );
    let wide = visit.post("/list/allow", &[("address", "203.0.0.0/8"), ("reason", "x")]);
    assert_eq!(wide.status, 400);
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    let viewer = cloud.sign_in(&viewer);
    let shown = viewer.shown("/list");
    assert!(
        shown.contains("203.0.113.7") && !shown.contains("Allow no longer"),
        "{shown}"
    );
    assert_eq!(viewer.post("/list/allow", &sent).status, 403);
    let taken_back = visit.post("/list/disallow", &[("address", "203.0.113.7")]);
    assert_eq!(taken_back.status, 303);
    assert!(visit.shown("/list").contains("Nothing is allowed."));
}

#[actix_web::test]
async fn many_are_banned_and_those_that_are_chosen_let_in_again() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let lines = "203.0.113.1\r\n203.0.113.2\r\n198.51.100.0/24";
    let ban = [
        ("do", "ban"),
        ("fleet", "default"),
        ("ttl_s", "600"),
        ("reason", "scans"),
        ("addresses", lines),
    ];
    assert_eq!(visit.post("/list/bulk", &ban).status, 303);
    assert_eq!(cloud.listed().await, ["198.51.100.0/24", "203.0.113.1", "203.0.113.2"]);
    let shown = visit.shown("/list");
    assert!(
        shown.contains("pick:203.0.113.2") && shown.contains("Unban the chosen"),
        "{shown}"
    );
    let chosen = [
        ("do", "unban"),
        ("reason", "a mistake"),
        ("pick:203.0.113.1", "yes"),
        ("pick:198.51.100.0/24", "yes"),
    ];
    assert_eq!(visit.post("/list/bulk", &chosen).status, 303);
    assert_eq!(cloud.listed().await, ["203.0.113.2"]);
    let again = visit.post("/list/bulk", &chosen);
    assert_eq!(again.status, 200);
    let told = again.text();
    assert!(
        told.contains("2 entries left out") && told.contains("it is not listed"),
        "{told}"
    );
    let hostile = [("do", "ban"), ("ttl_s", "600"), ("reason", "x"), ("addresses", HOSTILE)];
    let told = visit.post("/list/bulk", &hostile);
    assert!(!told.text().contains("<script>alert"), "{}", told.text());
    assert_eq!(visit.post("/list/bulk", &[("do", "ban"), ("reason", "x")]).status, 400);
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    let viewer = cloud.sign_in(&viewer);
    let shown = viewer.shown("/list");
    assert!(!shown.contains("pick:") && !shown.contains("Ban many"), "{shown}");
    assert_eq!(viewer.post("/list/bulk", &ban).status, 403);
}
