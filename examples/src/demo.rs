//! The fleet of the examples: a profile, its keys, and the admin API's token. None of them is a secret.

use buckler_server::{Profile, ServerConfig};
use serde_json::json;

/// The key of the shop's agents.
pub const SHOP_KEY: &str = "demo-key-of-the-shop";

/// The key of the blog's agents: another profile of the same fleet.
pub const BLOG_KEY: &str = "demo-key-of-the-blog";

/// The admin API's bearer token.
pub const ADMIN_TOKEN: &str = "demo-admin-token";

/// Seconds between two beacons: so short that a ban is seen to cross.
pub const BEACON_DELAY: u32 = 1;

/// A server's configuration with both profiles.
#[must_use]
pub fn cloud() -> ServerConfig {
    let profile = |key: &str, name: &str| {
        Profile::for_key(key)
            .set("APP_NAME", name)
            .set("BLACKLIST_SHARE", true)
            .set("TELEMETRY_DATA", true)
            .set("BEACON_DELAY", BEACON_DELAY)
            .set("BLACKLIST_DELAY", 600)
            .set(
                "DECOY_ROUTES",
                json!([["/.git/", "starts"], ["/.env", "starts"], [".php", "ends"]]),
            )
    };
    ServerConfig::new()
        .profile("shop", profile(SHOP_KEY, "shop"))
        .profile("blog", profile(BLOG_KEY, "blog"))
        .admin_token(ADMIN_TOKEN)
}
