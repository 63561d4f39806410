//! What is known of the request that a value came with.

use crate::places::Format;

/// What a detector may know besides the value and its place. Paths, headers and names are judged
/// without it: they come again with every request, and what is remembered of them must hold for
/// each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context<'r> {
    /// The path as it came.
    pub path: &'r str,
    /// The body's `Content-Type` as it came; empty where the value stood in none.
    pub content_type: &'r str,
    /// How the body is read that the value stood in; `None` where it stood in none.
    pub format: Option<Format>,
}

/// Words of paths at which measurements and error reports are received: what analytics, monitoring
/// and browsers' reporting call it. `report` is none: reports are also what applications make of a
/// URL that they fetch.
#[rustfmt::skip]
const OF_REPORTS: &[&str] = &[
    "analytics", "beacon", "beacons", "breadcrumbs", "collect", "collector", "crash", "crashes", "csp", "csp-report", "csp-reports", "envelope", "error", "errors",
    "exceptions", "logs", "loki", "matomo", "metrics", "page-view", "pageview", "pageviews", "piwik", "pixel", "reporting", "rum", "sentry", "spans", "telemetry", "traces", "tracker",
    "tracking", "vitals", "web-vitals",
];

/// Words of paths at which views of pages are counted. Others than those who measure may call a
/// path so: they say of which page, and nothing else.
const OF_VIEWS: &[&str] = &["session-replay", "ahoy", "plausible", "umami", "bugsnag"];

/// Words that such paths end in, and that others have elsewhere: `/log/preview`.
const LAST_OF_VIEWS: &[&str] = &["hit", "hits", "track", "count", "log", "e", "replay", "intake"];

/// Ends of such paths by more than a word: Segment's, Sentry's.
const ENDS_OF_VIEWS: &[&str] = &["v1/batch", "v1/page", "v1/screen", "v1/identify"];

/// Words of paths at which other services tell what happened.
const OF_WEBHOOKS: &[&str] = &[
    "hook",
    "hooks",
    "webhook",
    "webhooks",
    "github-webhook",
    "gitlab-webhook",
    "git-hook",
    "git-webhook",
];

/// Words of paths at which statements of SQL are run as they were written: consoles, reporting
/// tools.
const OF_STATEMENTS: &[&str] = &[
    "sql", "sqllab", "query", "queries", "dataset", "datasets", "console", "bigquery",
];

/// Words of paths at which those who run an application say what it does by itself.
const OF_AUTOMATIONS: &[&str] = &[
    "workflow",
    "workflows",
    "automation",
    "automations",
    "scenario",
    "scenarios",
    "flow",
    "flows",
    "blueprint",
    "blueprints",
    "zaps",
];

/// Words of paths at which mails are written that are sent to many.
#[rustfmt::skip]
const OF_MAILS: &[&str] = &[
    "mail", "mails", "mailing", "mailings", "email", "emails", "campaign", "campaigns", "newsletter", "newsletters", "broadcasts", "mail-templates", "email-templates", "mail-template",
    "email-template", "mjml",
];

/// Words of paths at which those who run an application enter what it works with.
const OF_SETTINGS: &[&str] = &[
    "admin",
    "administration",
    "settings",
    "preferences",
    "configuration",
    "config",
    "integrations",
    "connections",
    "connectors",
    "datasources",
    "data-sources",
    "destinations",
    "backups",
    "directory",
    "ldap",
    "sso",
    "setup",
];

/// Types of bodies that hold measurements and error reports.
const TYPES_OF_REPORTS: &[&str] = &[
    "application/csp-report",
    "application/reports+json",
    "application/x-sentry-envelope",
];

impl<'r> Context<'r> {
    /// Nothing is known.
    pub const NONE: Self = Self {
        path: "",
        content_type: "",
        format: None,
    };

    /// Whether the request reports a measurement or an error: by the type of its body, or by its
    /// path.
    #[must_use]
    pub fn is_report(&self) -> bool {
        let essence = self.content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        // scripts send JSON as text with `navigator.sendBeacon`; no handler for JSON takes it
        let is_beacon = self.format == Some(Format::Json) && is("text/plain");
        is_beacon || TYPES_OF_REPORTS.iter().any(|name| is(name)) || self.is_sent_to_a_collector()
    }

    /// Whether the path is one of a project of Sentry, which errors are sent to.
    pub(super) fn is_store_of_errors(&self) -> bool {
        let path = self.path.trim_matches('/');
        let project = path.strip_prefix("api/").and_then(|rest| rest.strip_suffix("/store"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        project.is_some_and(is_number) && !self.path.contains("//")
    }

    /// Whether a mail is written there that is sent to many.
    #[must_use]
    pub fn is_of_mails(&self) -> bool {
        self.path_has(OF_MAILS)
    }

    fn is_sent_to_a_collector(&self) -> bool {
        self.path_has(OF_REPORTS)
    }

    /// Whether views of pages are counted there, so that a page's URL is one that a browser shows.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        let path = self.path.trim_matches('/');
        let ends = |end: &str| {
            path.strip_suffix(end)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        // as in `path_has`, a path that may be read in two ways says nothing
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
        let is_plain = path.bytes().all(is_word) && !self.path.contains("//");
        self.path_has(OF_VIEWS)
            || self.path_shows(|word, is_end| is_end && is_one_of(word, LAST_OF_VIEWS))
            || is_plain
                && (self.is_store_of_errors() || path.starts_with("b/ss/") || ENDS_OF_VIEWS.iter().any(|end| ends(end)))
    }

    /// Whether another service tells what happened there: a repository, a shop, a chat.
    #[must_use]
    pub fn is_webhook(&self) -> bool {
        self.path_has(OF_WEBHOOKS)
    }

    /// Whether settings of the application are entered there, which it lets only those do who run
    /// it.
    #[must_use]
    pub fn is_settings(&self) -> bool {
        self.path_has(OF_SETTINGS)
    }

    /// Whether statements are run there as they were written.
    #[must_use]
    pub fn is_console(&self) -> bool {
        self.path_has(OF_STATEMENTS)
    }

    /// Whether what an application does by itself is entered there, in templates of its own.
    #[must_use]
    pub fn is_automation(&self) -> bool {
        self.path_has(OF_AUTOMATIONS)
    }

    /// Whether a segment of the path is one of these words.
    fn path_has(&self, words: &[&str]) -> bool {
        self.path_shows(|word, _| is_one_of(word, words))
    }

    /// Whether a segment of the path is a word that is looked for, which is told whether the path
    /// ends there. A path that may be read in two ways has none: otherwise a client could name the
    /// path of one handler and have another one read the value.
    fn path_shows(&self, is_wanted: impl Fn(&str, bool) -> bool) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
        if !self.path.bytes().all(is_plain) || self.path.contains("//") || self.path.contains("/.") {
            return false;
        }
        let mut segments = self.path.trim_start_matches('/').split('/').peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            // only what stands behind the last slash may be empty
            let is_end = segments.peek().is_none_or(|rest| rest.is_empty());
            let (word, ending) = segment.split_once('.').unwrap_or((segment, ""));
            // what stands behind a program's name is read by the program (`/fetch.php/report`)
            if !ending.is_empty() && !is_last && !is_version(segment) {
                return false;
            }
            if is_wanted(word, is_end) {
                return segments.all(|rest| !rest.contains('.') || rest.ends_with(".php"));
            }
        }
        false
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether a segment is the version of an interface: `v0.4`.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_report(path: &str) -> bool {
        Context { path, ..Context::NONE }.is_report()
    }

    #[test]
    fn paths_say_what_is_received() {
        for path in [
            "/matomo.php",
            "/api/errors",
            "/v1/traces",
            "/api/v2/logs",
            "/vitals",
            "/csp-report",
            "/g/collect",
            "/api/42/envelope/",
            "/_/Traces",
            "/v0.4/traces",
        ] {
            assert!(is_report(path), "{path}");
        }
    }

    #[test]
    fn paths_say_that_views_are_counted() {
        let is_measured = |path| Context { path, ..Context::NONE }.is_measured();
        for path in [
            "/hit",
            "/v1/track",
            "/v1/batch",
            "/e/",
            "/api/1/store/",
            "/b/ss/x/1",
            "/umami/api/send",
            "/count",
            "/api/log",
            "/track.php",
            "/Hit/",
        ] {
            assert!(is_measured(path), "{path}");
        }
        for path in [
            "/fetch",
            "/preview",
            "/batch",
            "/store",
            "/api/store/",
            "/api/v1/page/fetch",
            "/track.php/fetch.x",
            "/log/preview",
            "/track/preview.php",
            "/e/fetch",
            "/count/1",
            "/intake/fetch/",
            "/log//",
            "/track/../fetch",
            "/b/ss/../../fetch",
            "/fetch.php/v1/page",
        ] {
            assert!(!is_measured(path), "{path}");
        }
    }

    #[test]
    fn types_of_bodies_say_what_is_received() {
        let of = |content_type, format| Context {
            content_type,
            format: Some(format),
            ..Context::NONE
        };
        assert!(of("Application/CSP-Report", Format::Json).is_report());
        assert!(of("text/plain;charset=UTF-8", Format::Json).is_report());
        assert!(!of("text/plain;charset=UTF-8", Format::Text).is_report());
        assert!(!of("application/json", Format::Json).is_report());
    }

    #[test]
    fn a_path_that_may_be_read_in_two_ways_says_nothing() {
        for path in [
            "",
            "/",
            "/fetch",
            "/report",
            "/logs/../fetch",
            "/fetch.php/logs",
            "/logs%2f..%2ffetch",
            "/fetch;/logs",
            "//logs",
            "/fetch/.logs",
        ] {
            assert!(!is_report(path), "{path}");
        }
    }
}
