//! Takes out of the server's layer what is below the floor.

use buckler_waf::pattern::{MatchType, Pattern, PatternSet};
use ipnet::IpNet;
use serde_json::Value;
use url::Url;

use super::{Floor, Held};
use crate::model::{
    address::{PRIVATE, is_this_machine},
    ipset::parse_entry,
    policy::{
        Check, Level,
        error::excerpt,
        keys,
        layer::{Given, Layer, SERVER, Stack},
        level,
        reader::{Reader, affordable},
        value::{regex, typed_pattern},
    },
};

/// The most things that are said of one configuration: they are shown and sent.
const MOST_HELD: usize = 32;

/// The part of each family's addresses that a server's `WHITELIST` may name in all, as one in so
/// many: two halves of the internet are the internet. Of IPv6, a part of what is given out
/// (2000::/3).
const SHARE: f64 = 16.0;

/// Paths of the kinds that applications have. Patterns that ignore more than half of them ignore
/// the application.
const EVERYDAY_PATHS: [&str; 24] = [
    "/",
    "/a",
    "/login",
    "/index.html",
    "/api/v1/items/42",
    "/users/7/orders",
    "/search",
    "/admin",
    "/graphql",
    "/Zed",
    "/static/app.js",
    "/images/logo.png",
    "/checkout",
    "/_next/data/x.json",
    "/wp-login.php",
    "/9",
    "/~ada",
    "/q.aspx",
    "/m%C3%BCller",
    "/-/health",
    "/upload/",
    "/v2/keys/a.b",
    "/pay/return",
    "/account/settings",
];

/// The most patterns of paths that are looked at one by one, where some of all match what they must
/// not.
const MOST_PATTERNS: usize = 64;

/// The bytes of a body that are looked at where no route says otherwise: no route of the server's
/// may look at fewer.
const BODY_BYTES: u64 = 64 << 10;

/// The score that injections are found from by default: no server may ask for more.
const PROBABILITY: f64 = 0.9;

impl Floor {
    /// Takes what is below the floor out of the server's layer, and says what that was.
    pub(in crate::model::policy) fn hold(&self, stack: &mut Stack) -> Vec<Held> {
        let mut held = Vec::new();
        self.hold_keys(stack, &mut held);
        self.hold_levels(stack, &mut held);
        self.hold_whitelist(stack, &mut held);
        self.hold_ignored(stack, &mut held);
        for prefix in ["BLOCK", "BLACKLIST"] {
            self.hold_answer(stack, prefix, &mut held);
        }
        self.hold_log(stack, &mut held);
        if self.has_levels() {
            self.hold_bypasses(stack, &mut held);
        }
        held.truncate(MOST_HELD);
        held
    }

    /// Raises what the server's template leaves below the floor, and says what that was. Levels
    /// that the host's own layers say stand.
    pub(in crate::model::policy) fn raise(
        &self,
        template: &str,
        layers: &[Layer],
        levels: &mut [Level; Check::ALL.len()],
        reader: &Reader,
    ) -> Vec<Held> {
        let mut held = Vec::new();
        if !layers.iter().any(|layer| layer.origin == SERVER) {
            return held;
        }
        for (check, level) in Check::ALL.into_iter().zip(levels) {
            let (key, least) = (keys::of_check(check.name()), self.level(check));
            if check != Check::Blacklist && level.is_weaker_than(least) && !reader.is_chosen(&key) {
                note(
                    &mut held,
                    &key,
                    format!("{} of template {template}", *level as u8),
                    of_level(least),
                );
                *level = least;
            }
        }
        held
    }

    /// Keys that the server may not set at all.
    fn hold_keys(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        let Some(allowed) = &self.server_keys else { return };
        let may_set =
            |key: &str| allowed.contains(key) || (keys::check_of(key).is_some() && allowed.contains(keys::CHECKS));
        let refused: Vec<String> = stack.given.keys().filter(|key| !may_set(key)).cloned().collect();
        for key in refused {
            if let Some(given) = take(stack, &key) {
                let names: Vec<&str> = allowed.iter().map(|key| &**key).collect();
                let allowed = format!("the keys of `agent.floor.server_keys`: {}", excerpt(&names.join(", ")));
                note(held, &given.spelling, "a value".to_owned(), allowed);
            }
        }
    }

    /// Levels of the checks, and the switch that is the blacklist's.
    fn hold_levels(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        for check in Check::ALL {
            let least = self.level(check);
            if check == Check::Blacklist {
                let is_off = |given: &Given| given.value == true || given.value == 1;
                if least.is_on() && asked(stack, "BLACKLIST_OVERRIDE").is_some_and(is_off) {
                    take_noted(stack, "BLACKLIST_OVERRIDE", "false", held);
                }
                continue;
            }
            let key = keys::of_check(check.name());
            let Some(given) = stack
                .given
                .get_mut(&key)
                .and_then(|all| all.last_mut())
                .filter(|given| is_server(given))
            else {
                continue;
            };
            if level(&given.value).is_ok_and(|asked| asked.is_weaker_than(least)) {
                let asked = std::mem::replace(&mut given.value, Value::from(least as u8));
                note(held, &given.spelling, shown(&asked), of_level(least));
            }
        }
    }

    /// Networks that are never judged.
    fn hold_whitelist(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        let Some(given) = asked_mut(stack, "WHITELIST") else {
            return;
        };
        let key = given.spelling.clone();
        let Some(entries) = given.value.as_array_mut() else {
            return;
        };
        // what is no network is the reader's to refuse
        let network = |entry: &Value| entry.as_str().and_then(parse_entry).filter(|net| !is_private(*net));
        let is_wide = |net: IpNet| match net {
            IpNet::V4(net) => net.prefix_len() < self.whitelist_v4,
            IpNet::V6(net) => net.prefix_len() < self.whitelist_v6,
        };
        entries.retain(|entry| {
            let is_held = network(entry).is_some_and(is_wide);
            if is_held {
                let allowed = format!("networks of at least /{} and /{}", self.whitelist_v4, self.whitelist_v6);
                note(held, &key, shown(entry), allowed);
            }
            !is_held
        });
        let (mut v4, mut v6) = (0.0, 0.0);
        for net in entries.iter().filter_map(network) {
            let part = 0.5_f64.powi(net.prefix_len().into());
            match net {
                IpNet::V4(_) => v4 += part,
                IpNet::V6(_) => v6 += part * 8.0,
            }
        }
        if v4.max(v6) > 1.0 / SHARE {
            let count = format!("{} networks", entries.len());
            entries.clear();
            note(held, &key, count, format!("one in {SHARE} of all addresses in all"));
        }
    }

    /// Paths that are not looked into further.
    fn hold_ignored(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        let Some(given) = asked_mut(stack, "IGNORE_PATHS") else {
            return;
        };
        let key = given.spelling.clone();
        let is_affordable = affordable(&given.value).is_ok();
        let Some(entries) = given.value.as_array_mut().filter(|_| is_affordable) else {
            return;
        };
        let set = |entries: &[Value]| -> Option<PatternSet> {
            let patterns: Result<Vec<Pattern>, _> = entries.iter().map(regex).collect();
            PatternSet::new(&patterns.ok()?).ok()
        };
        let is_below = |set: &PatternSet| {
            let ignored = EVERYDAY_PATHS.iter().filter(|path| set.is_match_decoded(path));
            ignored.count() * 2 > EVERYDAY_PATHS.len()
                || self.never_ignored.iter().any(|path| set.is_match_decoded(path))
        };
        // what does not compile is the reader's to refuse
        if !set(entries).is_some_and(|all| is_below(&all)) {
            return;
        }
        let never: Vec<&str> = self.never_ignored.iter().map(|path| &**path).collect();
        let allowed = match never.as_slice() {
            [] => "patterns of some paths, not of most".to_owned(),
            paths => format!(
                "patterns of some paths, not of most, and none of {}",
                excerpt(&paths.join(", "))
            ),
        };
        if entries.len() <= MOST_PATTERNS {
            entries.retain(|entry| {
                let is_held = set(std::slice::from_ref(entry)).is_some_and(|one| is_below(&one));
                if is_held {
                    note(held, &key, shown(entry), allowed.clone());
                }
                !is_held
            });
        }
        if set(entries).is_some_and(|all| is_below(&all)) {
            let count = format!("{} patterns", entries.len());
            entries.clear();
            note(held, &key, count, allowed);
        }
    }

    /// How refused clients are answered: what the page holds, and where they are sent.
    fn hold_answer(&self, stack: &mut Stack, prefix: &str, held: &mut Vec<Held>) {
        let key = |rest: &str| format!("{prefix}_{rest}");
        let content_key = key("ACTION_CONTENT");
        let redirects = last(stack, &key("ACTION"))
            .and_then(|given| given.value.as_str())
            .is_some_and(|action| action.eq_ignore_ascii_case("redirect"));
        let content = last(stack, &content_key)
            .and_then(|given| given.value.as_str())
            .unwrap_or_default();
        if redirects {
            let is_asked = asked(stack, &key("ACTION")).is_some() || asked(stack, &content_key).is_some();
            if is_asked && !self.may_redirect_to(content, stack) {
                let found = shown(&Value::from(content));
                for rest in ["ACTION", "ACTION_CONTENT", "STATUS_CODE"] {
                    take(stack, &key(rest));
                }
                let allowed = "a path of the application, or a URL of a host in HOSTS or `agent.floor.redirect_hosts`";
                note(held, &content_key, found, allowed.to_owned());
            }
        } else if !self.markup && content.contains('<') && asked(stack, &content_key).is_some() {
            take_noted(
                stack,
                &content_key,
                "text without `<`: `agent.floor.markup` is false",
                held,
            );
        }
    }

    /// Whether a location is the application's own, or one of a host that the application names.
    fn may_redirect_to(&self, location: &str, stack: &Stack) -> bool {
        /// Of a top-level domain that is never registered (RFC 6761, section 6.4).
        const OWN: &str = "own.invalid";
        let Some(allowed) = &self.redirect_hosts else {
            return true;
        };
        let Some(url) = Url::parse(&format!("https://{OWN}/"))
            .ok()
            .and_then(|base| base.join(location).ok())
        else {
            return false;
        };
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return false;
        };
        let of_own_layers = |given: &&Given| !is_server(given);
        let hosts = stack.given.get("HOSTS").into_iter().flatten().rfind(of_own_layers);
        let is_own = |named: &Value| {
            let named = named.as_str().unwrap_or_default();
            let bare = named.rsplit_once(':').map_or(named, |(bare, _)| bare);
            named.eq_ignore_ascii_case(host) || bare.eq_ignore_ascii_case(host)
        };
        host == OWN
            || allowed.iter().any(|allowed| **allowed == *host)
            || hosts
                .and_then(|given| given.value.as_array())
                .into_iter()
                .flatten()
                .any(is_own)
    }

    /// Where findings are sent.
    fn hold_log(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        const KEYS: [&str; 5] = ["LOG_SERVER", "LOG_ENABLED", "LOG_PROTOCOL", "LOG_PORT", "LOG_PATH"];
        let is_on = last(stack, "LOG_ENABLED").is_some_and(|given| given.value == true || given.value == 1);
        let text = |key: &str| {
            last(stack, key)
                .and_then(|given| given.value.as_str())
                .unwrap_or_default()
        };
        let is_file = text("LOG_PROTOCOL").eq_ignore_ascii_case("file");
        if !is_on || is_file || KEYS.iter().all(|key| asked(stack, key).is_none()) {
            return;
        }
        let target = text("LOG_SERVER").to_ascii_lowercase();
        if !self.log_hosts.iter().any(|host| is_same_host(host, &target)) {
            KEYS.iter().for_each(|key| drop(take(stack, key)));
            let allowed = "the host of `agent.cloud_url`, or one of `agent.floor.log_targets`".to_owned();
            note(held, "LOG_SERVER", shown(&Value::from(target)), allowed);
        }
    }

    /// What would let everything pass while the levels stand: exceptions of everything, and bodies
    /// that are not looked at.
    fn hold_bypasses(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        self.hold_routes(stack, held);
        for key in ["EXCEPTIONS", "WHITELIST_HEADERS"] {
            let Some(given) = asked_mut(stack, key) else { continue };
            let spelling = given.spelling.clone();
            retain_narrow(given.value.as_array_mut(), &spelling, true, held);
        }
        for (key, check) in [("XSS_PROBA", Check::Xss), ("SQLI_PROBA", Check::Sqli)] {
            let is_high = |given: &Given| given.value.as_f64().is_some_and(|asked| asked > PROBABILITY);
            if self.level(check).is_on() && asked(stack, key).is_some_and(is_high) {
                take_noted(stack, key, &format!("at most {PROBABILITY}"), held);
            }
        }
    }

    fn hold_routes(&self, stack: &mut Stack, held: &mut Vec<Held>) {
        let Some(given) = asked_mut(stack, "ROUTES") else {
            return;
        };
        let spelling = given.spelling.clone();
        for (number, rule) in given.value.as_array_mut().into_iter().flatten().enumerate() {
            let Some(rule) = rule.as_object_mut() else { continue };
            let key = |member: &str| format!("{spelling}[{number}].{member}");
            for (name, asked) in rule
                .get_mut("checks")
                .and_then(Value::as_object_mut)
                .into_iter()
                .flatten()
            {
                let least = Check::by_name(name).map_or(Level::Off, |check| self.level(check));
                if level(asked).is_ok_and(|asked| asked.is_weaker_than(least)) {
                    note(
                        held,
                        &key("checks"),
                        format!("{name} {}", shown(asked)),
                        of_level(least),
                    );
                    *asked = Value::from(least as u8);
                }
            }
            let is_short = |bytes: &Value| bytes.as_u64().is_some_and(|bytes| bytes < BODY_BYTES);
            if rule.get("body_bytes").is_some_and(is_short)
                && let Some(asked) = rule.remove("body_bytes")
            {
                note(
                    held,
                    &key("body_bytes"),
                    shown(&asked),
                    format!("at least {BODY_BYTES}"),
                );
            }
            retain_narrow(
                rule.get_mut("exceptions").and_then(Value::as_array_mut),
                &key("exceptions"),
                false,
                held,
            );
        }
    }
}

/// Leaves exceptions that name one place of one route or client, and patterns of whole values
/// alone.
fn retain_narrow(entries: Option<&mut Vec<Value>>, key: &str, needs_route: bool, held: &mut Vec<Held>) {
    let names = |entry: &Value, member: &str| {
        let is_some = |text: &Value| {
            text.as_str()
                .is_some_and(|text| !text.starts_with('*') && text.trim_end_matches('*').len() > 1)
        };
        match entry.get(member) {
            Some(Value::Array(all)) => !all.is_empty() && all.iter().all(is_some),
            Some(one) => is_some(one),
            None => false,
        }
    };
    let is_narrow = |entry: &Value| match entry {
        entry if entry.is_object() => {
            names(entry, "place") && (!needs_route || names(entry, "route") || names(entry, "network"))
        }
        // what is no pattern is the reader's to refuse
        pattern => typed_pattern(pattern, MatchType::Match).map_or(true, |it| it.kind() == MatchType::Match),
    };
    if let Some(entries) = entries {
        entries.retain(|entry| {
            let stays = is_narrow(entry);
            if !stays {
                let allowed = "exceptions that name a place, and a route or a network; patterns of type `match`";
                note(held, key, shown(entry), allowed.to_owned());
            }
            stays
        });
    }
}

fn is_private(network: IpNet) -> bool {
    PRIVATE.iter().any(|private| private.contains(&network))
}

/// Whether two names are of one host: the same text, or both this machine's.
fn is_same_host(one: &str, other: &str) -> bool {
    one == other || (is_this_machine(one) && is_this_machine(other))
}

fn is_server(given: &Given) -> bool {
    given.origin == SERVER
}

/// What is in force of a key.
fn last<'s>(stack: &'s Stack, key: &str) -> Option<&'s Given> {
    stack.given.get(key)?.last()
}

/// What the server says of a key, where nothing of the host's stands above it.
fn asked<'s>(stack: &'s Stack, key: &str) -> Option<&'s Given> {
    last(stack, key).filter(|given| is_server(given))
}

fn asked_mut<'s>(stack: &'s mut Stack, key: &str) -> Option<&'s mut Given> {
    stack.given.get_mut(key)?.last_mut().filter(|given| is_server(given))
}

/// Takes out what the server says of a key.
fn take(stack: &mut Stack, key: &str) -> Option<Given> {
    let all = stack.given.get_mut(key)?;
    let place = all.iter().rposition(is_server)?;
    Some(all.remove(place))
}

fn take_noted(stack: &mut Stack, key: &str, allowed: &str, held: &mut Vec<Held>) {
    if let Some(given) = take(stack, key) {
        note(held, &given.spelling, shown(&given.value), allowed.to_owned());
    }
}

fn note(held: &mut Vec<Held>, key: &str, asked: String, allowed: String) {
    held.push(Held {
        key: excerpt(key),
        asked,
        allowed,
    });
}

fn shown(value: &Value) -> String {
    excerpt(&value.to_string())
}

fn of_level(least: Level) -> String {
    format!("{} ({least}) or stricter", least as u8)
}
