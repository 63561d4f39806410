//! What the guard, the detectors and the actors ask of a policy.

use std::{sync::Arc, time::Duration};

use buckler_waf::{detect::leak::LeakOptions, pattern::PatternSet, places::SecretNames};
use serde_json::Value;
use url::Url;

use super::{
    BanTerms, Check, Exceptions, Injection, Level, Log, Policy, Reaction, RouteRules, UnknownKey, Uploads, Window,
    ZeroTrust, access::EVERY_ORIGIN,
};
use crate::{model::ipset::IpSet, protocol::ConfigMap};

/// Keys that say what a check is to look for, which templates leave empty, and the check.
const IDLE: [(&str, Check); 8] = [
    ("HOSTS", Check::Spoofing),
    ("FORBIDDEN_HEADERS", Check::Headers),
    ("ZTAA_KEY", Check::Ztaa),
    ("CHARS_CYRILLIC", Check::Chars),
    ("CHARS_INVISIBLE", Check::Chars),
    ("CHARS_NONPRINTABLE", Check::Chars),
    ("DLP_PRIVATE_KEYS", Check::Dlp),
    ("DLP_CC_NUMBERS", Check::Dlp),
];

/// What the guard asks, for every request: no lock, no allocation.
///
/// Paths are given as they came, percent-encoded, and seen decoded once, as the frameworks of pyrasp show them: whoever
/// decodes before asking decodes twice.
impl Policy {
    /// The version of the server's configuration that is part of it.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        self.version
    }

    /// The candidate that is judged beside it (`DRY_RUN`).
    #[must_use]
    pub const fn dry_run(&self) -> Option<&Arc<Self>> {
        self.dry_run.as_ref()
    }

    /// What a check does. [`Check::Blacklist`] bans unless `BLACKLIST_OVERRIDE` is on.
    #[must_use]
    pub fn level(&self, check: Check) -> Level {
        super::level_in(&self.levels, check)
    }

    /// The rule for requests of this method for this path; `None` where what [`level`](Self::level) and its like say is in force.
    ///
    /// A path that can be written in several ways may be another one to the application: ask for each.
    #[must_use]
    pub fn route(&self, path: &str, method: &str) -> Option<&RouteRules> {
        self.routes.find(path, method)
    }

    /// Whether any route has a rule.
    #[must_use]
    pub const fn has_routes(&self) -> bool {
        !self.routes.is_empty()
    }

    /// Whether a check runs on any route.
    #[must_use]
    pub fn is_on_somewhere(&self, check: Check) -> bool {
        self.level(check).is_on() || self.routes.any_on(check)
    }

    /// Whether a request may name this host: `HOSTS` is empty, or lists it with or without its port, in any case.
    #[must_use]
    pub fn hosts_allow(&self, host: &str) -> bool {
        self.access.hosts.allow(host)
    }

    /// Whether `HOSTS` lists this host.
    #[must_use]
    pub fn lists_host(&self, host: &str) -> bool {
        self.access.hosts.list(host)
    }

    /// Sources that are never judged.
    #[must_use]
    pub const fn whitelist(&self) -> &IpSet {
        &self.access.whitelist
    }

    /// Whether a path is not looked into further.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        self.paths.ignored.is_match_decoded(path)
    }

    /// Whether a path is one that only attackers ask for.
    ///
    /// Only paths that the application does not route can be: pyrasp's list holds everything that ends with `/login` or
    /// `/admin`, and most applications have such a page. So do not ask where the view says `RouteMatch::Matched`.
    #[must_use]
    pub fn decoy(&self, path: &str) -> bool {
        self.paths.decoys.is_match_decoded(path)
    }

    /// Whether a request for a path counts towards a flood. Errors count whatever their path.
    #[must_use]
    pub fn counts_for_flood(&self, path: &str) -> bool {
        self.paths.counted.is_match_decoded(path)
    }

    /// Headers that no client of this application sends, in lower case.
    #[must_use]
    pub const fn forbidden_headers(&self) -> &[Box<str>] {
        &self.access.forbidden_headers
    }

    /// Headers whose values are not looked into; names match in any case.
    #[must_use]
    pub const fn whitelist_headers(&self) -> &PatternSet {
        &self.access.whitelist_headers
    }

    /// How many requests of one source are a flood.
    #[must_use]
    pub const fn flood(&self) -> Window {
        self.flood
    }

    /// How many errors answered to one source are brute force.
    #[must_use]
    pub const fn error_flood(&self) -> Window {
        self.error_flood
    }

    /// What it takes to be banned for findings of level 2.
    #[must_use]
    pub const fn ban_terms(&self) -> BanTerms {
        self.ban_terms
    }

    /// How long a source is throttled without a pause before it is banned; zero bans it at once.
    #[must_use]
    pub const fn flood_ban_after(&self) -> Duration {
        self.flooding.ban_after
    }

    /// Whether static files count towards a flood as everything else does.
    #[must_use]
    pub const fn counts_static(&self) -> bool {
        self.flooding.counts_static
    }

    /// How a banned source is answered, and one that is being banned.
    #[must_use]
    pub const fn ban_reaction(&self) -> &Reaction {
        &self.answers.banned
    }

    /// How a request is answered that is throttled.
    #[must_use]
    pub const fn throttle_reaction(&self) -> &Reaction {
        &self.answers.throttled
    }

    /// How a request is answered that is refused without a ban.
    #[must_use]
    pub const fn block_reaction(&self) -> &Reaction {
        &self.answers.blocked
    }

    /// Whether somebody has said with which status all refusals are answered, be it the usual one.
    #[must_use]
    pub const fn says_block_status(&self) -> bool {
        self.answers.says_status
    }

    /// The `Server` header of every answer; `None` leaves it to the host, which is the default.
    #[must_use]
    pub fn server_header(&self) -> Option<&str> {
        self.answers.server.as_deref()
    }
}

/// What detectors ask that look into more than a request's head.
impl Policy {
    /// How values are searched for injections.
    #[must_use]
    pub const fn injection(&self) -> &Injection {
        &self.injection
    }

    /// The findings that are judged otherwise than their check says. Asked for findings only.
    #[must_use]
    pub const fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// The names whose values are never shown.
    #[must_use]
    pub const fn secret_names(&self) -> &SecretNames {
        &self.secret_names
    }

    /// What counts as a leak.
    #[must_use]
    pub const fn leaks(&self) -> &LeakOptions {
        &self.leaks
    }

    /// Which files may be uploaded.
    #[must_use]
    pub const fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// How clients prove that they may come.
    #[must_use]
    pub const fn zero_trust(&self) -> &ZeroTrust {
        &self.zero_trust
    }

    /// Where findings are logged besides the server.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }
}

/// What the actors ask.
impl Policy {
    /// The template it begins from.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The application's name in reports.
    #[must_use]
    pub fn app_name(&self) -> &str {
        &self.app_name
    }

    /// The checks that run, with what they do.
    #[must_use]
    pub fn checks_on(&self) -> Vec<(Check, Level)> {
        Check::ALL
            .into_iter()
            .map(|check| (check, self.level(check)))
            .filter(|(_, level)| level.is_on())
            .collect()
    }

    /// How long the entries of a version 1 server's list last (`BLACKLIST_DELAY`); whole seconds.
    #[must_use]
    pub const fn ban_for(&self) -> Duration {
        self.ban_lengths.delay
    }

    /// How long a client is banned that was banned this many times before; whole seconds.
    #[must_use]
    pub fn ban_length(&self, earlier: u32) -> Duration {
        self.ban_lengths.after(earlier)
    }

    /// Whether nobody is banned, and the blacklist is not looked at.
    #[must_use]
    pub const fn blacklist_override(&self) -> bool {
        self.answers.no_bans
    }

    /// Whether new bans are reported to the server.
    #[must_use]
    pub const fn shares(&self) -> bool {
        self.answers.shares
    }

    /// Whether the agent speaks to the server at intervals.
    #[must_use]
    pub const fn beacon(&self) -> bool {
        self.cloud.beacon
    }

    /// Where beacons go.
    #[must_use]
    pub const fn beacon_url(&self) -> Option<&Url> {
        self.cloud.url.as_ref()
    }

    /// How often they go; whole seconds, from 1 to 86,400.
    #[must_use]
    pub const fn beacon_delay(&self) -> Duration {
        self.cloud.delay
    }

    /// How often the configuration is asked for again where no beacon is sent; whole seconds, from 10 to 86,400.
    #[must_use]
    pub const fn refresh_delay(&self) -> Duration {
        self.cloud.refresh
    }

    /// Whether they carry load and request counts.
    #[must_use]
    pub const fn sends_telemetry(&self) -> bool {
        self.cloud.telemetry
    }

    /// How much the agent's log says of findings.
    #[must_use]
    pub const fn verbose(&self) -> u32 {
        self.verbose
    }

    /// What is obeyed and yet not what anybody wants, a sentence each: limits that honest clients exceed.
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let is_low = self.level(Check::Flood).blocks() && self.flood.is_below_default();
        let told = |of: Window| {
            format!(
                "{} requests in {} s and {} at once",
                of.limit,
                of.period.as_secs(),
                of.burst
            )
        };
        let low = is_low.then(|| {
            format!(
                "FLOOD_RATIO, FLOOD_DELAY and FLOOD_BURST allow an address {}, below the defaults of {}: pages with many \
                 resources, and offices behind one address, may be throttled",
                told(self.flood),
                told(Window::DEFAULT)
            )
        });
        let idle = IDLE.iter().filter_map(|(key, check)| self.idle(key, *check));
        low.into_iter().chain(idle).collect()
    }

    /// A key that is given a value, and whose check is off.
    fn idle(&self, key: &str, check: Check) -> Option<String> {
        let is_set = |value: &Value| match value {
            Value::Array(all) => !all.is_empty(),
            Value::String(text) => !text.is_empty(),
            Value::Bool(is_on) => *is_on,
            Value::Null | Value::Number(_) | Value::Object(_) => false,
        };
        let is_idle = self.raw.get(key).is_some_and(is_set) && !self.is_on_somewhere(check);
        is_idle.then(|| format!("{key} does nothing while the check {check} is off: SECURITY_CHECKS.{check} is 0"))
    }

    /// Keys that mean nothing here, layer by layer.
    #[must_use]
    pub fn unknown_keys(&self) -> &[UnknownKey] {
        &self.unknown
    }

    /// Whether scripts of this origin's pages may read refusals (`CORS_ORIGINS`).
    #[must_use]
    pub fn cors_allows(&self, origin: &str) -> bool {
        let allows = |listed: &str| listed == EVERY_ORIGIN || listed.eq_ignore_ascii_case(origin);
        self.access.cors_origins.iter().any(|listed| allows(listed))
    }

    /// The known key that an unknown one resembles, which was likely meant.
    #[must_use]
    pub fn meant_by(&self, unknown: &UnknownKey) -> Option<String> {
        let checks: Vec<String> = Check::ALL
            .iter()
            .map(|check| format!("{}.{check}", super::keys::CHECKS))
            .collect();
        let known = self.raw.keys().chain(&checks).map(String::as_str);
        crate::model::suggest::nearest(&unknown.key, known).map(str::to_owned)
    }

    /// All known keys in upper case with the values in force, as they were written. It holds `ZTAA_KEY`: do not show it.
    #[must_use]
    pub const fn raw(&self) -> &ConfigMap {
        &self.raw
    }
}
