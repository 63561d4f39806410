//! The keys of a configuration: pyrasp 0.9.2's, in upper or lower case.
//!
//! All are in force but `RESOLVE_COUNTRY`. `docs/CONFIGURATION.md` says where they differ from pyrasp's, and names a test for each.
//!
//! | Key | Type | Default | Meaning |
//! |---|---|---|---|
//! | `APP_NAME` | text | `"Web Server"` | the application's name in reports |
//! | `HOSTS` | list of hosts | `[]` | hosts that the application answers to; a host with a port only at that port, none means all |
//! | `SECURITY_CHECKS` | object of check → level | see the templates | what each check does: 0 off, 1 block, 2 block and count as evidence for a ban, 3 log only; every layer changes only the checks it names |
//! | `WHITELIST` | list of addresses and networks | `[]` | sources that are never judged; also the beginning of an address at a whole group (`10.1.`) |
//! | `IGNORE_PATHS` | list of regular expressions | see [the templates](super#templates) | paths whose requests count towards nothing, and are no decoys nor unknown; what they carry is looked into |
//! | `DECOY_ROUTES` | list of patterns (starts) | see [the templates](super#templates) | paths that only attackers ask for |
//! | `ROUTES` | list of [rules](super::RouteRules) | `[]` | what is judged otherwise on some routes; ours, pyrasp has nothing like it |
//! | `DRY_RUN` | object of keys | `{}` | a candidate: these keys laid over all others, judged beside them, and only counted; ours, pyrasp has nothing like it |
//! | `CORS_ORIGINS` | list of origins, or `*` | `[]` | pages whose scripts may read status and `x-block-id` of a refusal |
//! | `FORBIDDEN_HEADERS` | list of header names | `[]` | headers that no client of this application sends |
//! | `WHITELIST_HEADERS` | list of patterns (match) | `[]` | headers whose values are not looked into, whatever their case |
//! | `BRUTE_AND_FLOOD_PATHS` | list of regular expressions | `["^/"]` | paths whose requests count towards a flood |
//! | `FLOOD_DELAY` | seconds, 1 to 86400 | `60` | the time in which `FLOOD_RATIO` requests may come |
//! | `FLOOD_RATIO` | number, 1 to 1000000 | `6000` | requests of one source in each `FLOOD_DELAY` that are no flood yet; ours, pyrasp's default is 50 |
//! | `FLOOD_BURST` | number, 0 to 1000000 | `0` | requests of one source at once that are no flood yet; 0 is 10000 where `FLOOD_RATIO` and `FLOOD_DELAY` are the defaults, else as many as `FLOOD_RATIO`; ours |
//! | `FLOOD_BAN_AFTER` | seconds, 0 to 3600 | `60` | how long a source must be throttled without a pause before levels that ban do; 0 bans at once, as pyrasp does; ours |
//! | `FLOOD_STATIC` | switch | `false` | static files count as everything else does; ours |
//! | `FLOOD_STATUS_CODE` | 0, or a status from 400 to 599 | `0` | how a throttled request is answered; 0 is 429, or what `BLOCK_ACTION` and `BLOCK_STATUS_CODE` say where they say something else; ours |
//! | `ERROR_FLOOD_DELAY` | seconds, 1 to 86400 | `10` | the time in which `ERROR_FLOOD_RATIO` errors may come |
//! | `ERROR_FLOOD_RATIO` | number, 1 to 1000000 | `100` | errors answered to one source in each, or at once, that are no brute force yet |
//! | `BAN_EVIDENCE` | number, 1 to 16 | `3` | refused requests of level 2, with different values, that ban their client; ours, as the three below |
//! | `BAN_WINDOW` | seconds, 1 to 86400 | `300` | the time within which they count |
//! | `BAN_SHARE` | number, 0 to 1 | `0.1` | the part of the client's requests in that time that must have been refused |
//! | `BAN_GROWTH` | switch | `true` | bans last five minutes, then an hour, then a day; off: `BLACKLIST_DELAY` |
//! | `BLACKLIST_DELAY` | seconds, 1 to 315360000 | `3600` | the most that a ban lasts, where it is set; how long entries of a version 1 server last |
//! | `BLACKLIST_OVERRIDE` | switch | `false` | nobody is banned, and the blacklist is not looked at |
//! | `BLACKLIST_SHARE` | switch | `true` | new bans are reported to the server |
//! | `BLACKLIST_ACTION` | `block` or `redirect` | `"block"` | how a banned source is answered |
//! | `BLACKLIST_STATUS_CODE` | status, 200 to 599 | `403` | with this status; one of 301, 302, 303, 307, 308 (302 where none is given) for a redirect |
//! | `BLACKLIST_ACTION_CONTENT` | text | see [`Reaction::PLAIN`](super::Reaction::PLAIN) | and this body, or to this location |
//! | `BLOCK_ACTION` | `block` or `redirect` | `"block"` | the same for a request that is refused without a ban |
//! | `BLOCK_STATUS_CODE` | status, 200 to 599 | `403` | also written `DENY_STATUS_CODE`: then a ban's too, where none of its own is given |
//! | `BLOCK_ACTION_CONTENT` | text | see [`Reaction::PLAIN`](super::Reaction::PLAIN) | also written `GTFO_MSG`: likewise |
//! | `CHANGE_SERVER` | switch | `false` | answers bear `SERVER_HEADER`; pyrasp's default is `true` |
//! | `SERVER_HEADER` | text | `"Apache"` | the header `Server` |
//! | `BEACON` | switch | `false` | the agent speaks to the server at intervals |
//! | `BEACON_URL` | URL | `""` | where to; empty for none |
//! | `BEACON_DELAY` | seconds, 1 to 86400 | `30` | how often |
//! | `REFRESH_DELAY` | seconds, 10 to 86400 | `300` | how often the configuration is asked for again where no beacon is sent; ours, pyrasp has nothing like it |
//! | `TELEMETRY_DATA` | switch | `false` | beacons carry load and request counts |
//! | `VERBOSE` | number | `0` | how much the agent's log says of findings: more from 10 on, all from 100 on |
//! | `DECODE_B64` | switch | `true` | values are also looked into after base64 decoding |
//! | `EXCEPTIONS` | list of patterns (match), and of objects of `rule`, `place`, `route`, `network` and `level` | `[]` | values that are no injection, and findings that are judged otherwise |
//! | `SENSITIVE_NAMES` | list of names | `[]` | names of fields whose values are in no report, besides those that are known; ours, pyrasp has nothing like it |
//! | `XSS_PROBA` | number, 0 to 1 | `0.9` | the score from which a finding is cross-site scripting |
//! | `SQLI_PROBA` | number, 0 to 1 | `0.9` | the score from which a finding is SQL injection |
//! | `DLP_PHONE_NUMBERS` | switch | `false` | phone numbers are leaks |
//! | `DLP_CC_NUMBERS` | switch | `false` | numbers of payment cards are leaks |
//! | `DLP_PRIVATE_KEYS` | switch | `false` | private keys are leaks |
//! | `DLP_HASHES` | switch | `false` | hashes are leaks |
//! | `DLP_WINDOWS_CREDS` | switch | `false` | Windows credentials are leaks |
//! | `DLP_LINUX_CREDS` | switch | `false` | Linux credentials are leaks |
//! | `DLP_API` | switch | `false` | keys and tokens of services are leaks |
//! | `CHARS_CYRILLIC` | switch | `false` | the check `chars` looks for Cyrillic letters |
//! | `CHARS_INVISIBLE` | switch | `false` | … for characters that are not seen |
//! | `CHARS_NONPRINTABLE` | switch | `false` | … for control characters |
//! | `DLP_LOG_LEAKED_DATA` | switch | `false` | reports hold what leaked |
//! | `UPLOAD_FILES` | switch | `true` | files may be uploaded |
//! | `UPLOAD_MAX_SIZE` | megabytes, 0 to 100000 | `2` | of at most this size each; one that is not seen whole is as large as its request says |
//! | `UPLOAD_EXTENSIONS` | list of extensions | `["jpg","png","gif","pdf"]` | and of these kinds; an empty list allows all |
//! | `ZTAA_KEY_HEADER` | header name | `"pcb-ztaa"` | the header that bears a zero-trust token; also written `ZTAA_HEADER`, as pyrasp's code reads it |
//! | `ZTAA_KEY` | text or list of texts | `""` | keys that sign such tokens; a secret; also written `ZTAA_KEYS` |
//! | `ZTAA_BROWSER_VERSION` | switch | `false` | the token must say that the browser is up to date |
//! | `LOG_ENABLED` | switch | `false` | findings go to a log server |
//! | `LOG_FORMAT` | `syslog`, `json` or `pcb` | `"Syslog"` | in this form |
//! | `LOG_PROTOCOL` | `udp`, `tcp`, `http` or `file` | `"UDP"` | by this means; `https` is known, and refused where logs are on |
//! | `LOG_SERVER` | text | `"127.0.0.1"` | to this host |
//! | `LOG_PORT` | number, 1 to 65535 | `514` | at this port |
//! | `LOG_PATH` | text | `""` | or to this file below `agent.log_dir`, or path of a URL |
//! | `LOG_FILE_SIZE` | megabytes, 0 to 100000 | `50` | a file is begun anew at this size |
//! | `RESOLVE_COUNTRY` | switch | `false` | nothing: no third party is asked where a source lives; pyrasp's default is `true` |
//!
//! A *switch* is `true` or `false`, or 1 or 0. A *pattern* is `["text", "type"]` with a type of `starts`, `ends`, `contains`,
//! `match` or `regex`, or a text alone, whose type is in brackets above. A *regular expression* is searched in the path as by
//! Python's `re.search`; what automata cannot match (lookaround, backreferences) is refused.

/// The key whose entries are keys by themselves.
pub(super) const CHECKS: &str = "SECURITY_CHECKS";

/// Spellings of older releases, or of pyrasp's code where its defaults are spelt differently, and the newest.
pub(super) const OLDER_SPELLINGS: [(&str, &str); 4] = [
    ("GTFO_MSG", "BLOCK_ACTION_CONTENT"),
    ("DENY_STATUS_CODE", "BLOCK_STATUS_CODE"),
    ("ZTAA_HEADER", "ZTAA_KEY_HEADER"),
    ("ZTAA_KEYS", "ZTAA_KEY"),
];

/// Whether the key's value must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    key == "ZTAA_KEY"
}

/// The key of a check.
pub(super) fn of_check(name: &str) -> String {
    format!("{CHECKS}.{name}")
}

/// The check that a key is of.
pub(super) fn check_of(key: &str) -> Option<&str> {
    key.strip_prefix(CHECKS)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Layer, Policy, template};

    /// The rows of the table at the head of this file: key and default.
    fn rows() -> Vec<(String, String)> {
        let lines = include_str!("keys.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `"));
        let split = |line: &str| {
            let line = line.replace(r"\|", "\u{0}");
            let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
            assert_eq!(cells.len(), 5, "{line}");
            (
                cells[0].trim_matches('`').to_owned(),
                cells[2].trim_matches('`').to_owned(),
            )
        };
        lines.map(split).collect()
    }

    fn compile(key: &str, value: Value) -> Result<Policy, super::super::PolicyError> {
        Policy::compile(
            "default",
            &[Layer::new("test", [(key.to_owned(), value)].into_iter().collect())],
        )
    }

    #[test]
    fn the_table_lists_every_key_once_with_its_default() {
        let defaults = template::defaults();
        let rows = rows();
        let mut keys: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, defaults.keys().map(String::as_str).collect::<Vec<_>>());
        for (key, default) in &rows {
            if !default.starts_with("see ") {
                assert_eq!(defaults[key], serde_json::from_str::<Value>(default).unwrap(), "{key}");
            }
        }
    }

    #[test]
    fn every_key_accepts_its_default_in_either_case() {
        for (key, default) in template::defaults() {
            for spelling in [key.clone(), key.to_lowercase()] {
                let policy = compile(&spelling, default.clone()).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(policy.unknown_keys(), []);
                assert_eq!(policy.raw()[&key], default);
            }
        }
    }

    #[test]
    fn every_key_refuses_a_wrong_type_and_names_itself() {
        for (key, default) in template::defaults() {
            let wrong = if default.is_object() { json!(5) } else { json!({"a": 1}) };
            let error = compile(&key, wrong).map(drop).unwrap_err();
            assert_eq!(
                (error.problems().len(), error.problems()[0].key.as_str()),
                (1, key.as_str()),
                "{error}"
            );
        }
    }
}
