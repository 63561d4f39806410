//! Who is judged: the socket's peer, or whom a trusted proxy names.

use actix_web::App;

use crate::site::{ATTACKER, Site, eventually, shop};

#[actix_web::test]
async fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
    let site = Site::start("", shop);
    site.get_as(ATTACKER, "/.env").await;
    site.until(ATTACKER, "/", 403).await;
    assert_eq!(site.get_as("198.51.100.1, 203.0.113.9", "/").await.status, 403);
    assert_eq!(
        site.get_as("203.0.113.9, 198.51.100.1", "/").await.status,
        200,
        "what stands left of it is the client's word"
    );
    assert_eq!(
        site.get_with("/", &[("forwarded", "for=\"203.0.113.9:4711\";proto=http")])
            .await
            .status,
        403
    );
    assert_eq!(
        site.get_as("no address", "/").await.status,
        200,
        "a chain that says nothing ends at the peer"
    );
}

#[actix_web::test]
async fn an_ipv6_client_is_listed_with_its_network() {
    let site = Site::start("", shop);
    site.get_as("2001:db8::1", "/.env").await;
    site.until("2001:db8::ffff", "/", 403).await;
    assert_eq!(site.get_as("2001:db8:0:1::1", "/").await.status, 200);
}

#[actix_web::test]
async fn the_header_of_an_untrusted_peer_is_nothing() {
    let site = Site::with_settings("", || App::new().configure(shop));
    assert_eq!(site.get_as(ATTACKER, "/.env").await.status, 403);
    eventually("the detection is settled", || {
        site.agent.status().events.settled_here == 1
    })
    .await;
    assert_eq!(
        site.agent.status().list.local,
        0,
        "neither the header's address nor loopback was listed"
    );
    assert_eq!(site.get_as(ATTACKER, "/").await.status, 200);
}
