//! A row for each method of the HTTP API: what the description says of it in words.

/// What is to be known of a method beside its path and role.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    /// Parameters of the query: name, type and meaning.
    pub(super) query: &'static [(&'static str, &'static str, &'static str)],
    /// Members of the body: name, type and whether it is needed. Empty where there is no body; one
    /// without a name is an object of any members.
    pub(super) body: &'static [(&'static str, &'static str, bool)],
    /// What it answers with, where that is not the envelope.
    pub(super) media: Option<&'static str>,
}

const fn row(method: &'static str, path: &'static str, summary: &'static str) -> Row {
    Row {
        method,
        path,
        summary,
        query: &[],
        body: &[],
        media: None,
    }
}

const FLEET: (&str, &str, &str) = (
    "fleet",
    "string",
    "The fleet; `default`, or the only one that the token is for",
);
const FLEET_OF_AGENTS: (&str, &str, &str) = ("fleet", "string", "Those of this fleet; of all where nothing is said");
const LIMIT: (&str, &str, &str) = ("limit", "integer", "The most entries of the answer");
const CONFIG: &[(&str, &str, bool)] = &[("", "object", true)];

/// A row for each method of the admin API.
pub(super) const ADMIN: &[Row] = &[
    Row {
        media: Some("application/openmetrics-text"),
        ..row("GET", "/metrics", "What the server counts")
    },
    row("GET", "/admin/openapi.json", "This description"),
    Row {
        query: &[FLEET],
        media: Some("text/plain"),
        ..row(
            "GET",
            "/admin/export/{format}",
            "A fleet's list for another program: plain, nftables, ipset, nginx or haproxy; with an ETag",
        )
    },
    Row {
        query: &[
            FLEET,
            ("profile", "string", "Agents of this profile"),
            ("platform", "string", "Agents of this platform"),
            ("state", "string", "Agents that are online, late or gone"),
            ("name", "string", "Agents of this name"),
            ("host", "string", "Agents on the machine of this name"),
            ("release", "string", "Agents of this release of their application"),
            ("environment", "string", "Agents in this environment"),
            (
                "label",
                "string",
                "Agents with this label: `key:value`, or `key` with any value",
            ),
            (
                "after",
                "string",
                "Agents after this one: the `next` of the page before",
            ),
            LIMIT,
        ],
        ..row("GET", "/admin/agents", "Every agent that was heard, or a page of them")
    },
    Row {
        query: &[
            ("state", "string", "gone: no others are forgotten; needed"),
            ("profile", "string", "Those of this profile"),
            FLEET_OF_AGENTS,
        ],
        ..row("DELETE", "/admin/agents", "Forgets the agents that are gone")
    },
    Row {
        query: &[(
            "profile",
            "string",
            "Its profile, where agents of several are called so",
        )],
        ..row("DELETE", "/admin/agents/{id}", "Forgets an agent that is gone")
    },
    row("GET", "/admin/health", "WebSockets, journal and certificates"),
    Row {
        media: Some("application/zstd"),
        ..row("GET", "/admin/backup", "A backup of all that is kept")
    },
    Row {
        query: &[
            FLEET,
            ("address", "string", "One entry, or the network that covers it"),
            (
                "after",
                "string",
                "Entries after this network: the `next` of the page before",
            ),
            LIMIT,
        ],
        ..row("GET", "/admin/blacklist", "A fleet's list, in pages")
    },
    Row {
        body: &[
            ("address", "string", true),
            ("ttl_s", "integer", false),
            ("reason", "string", false),
            ("fleet", "string", false),
            ("force", "boolean", false),
            ("allow_wide", "boolean", false),
            ("dry_run", "boolean", false),
        ],
        ..row("POST", "/admin/blacklist", "Bans an address or a network")
    },
    Row {
        query: &[("address", "string", "What to let in again; needed"), FLEET],
        ..row("DELETE", "/admin/blacklist", "Lets an address or a network in again")
    },
    Row {
        body: &[
            ("do", "string", true),
            ("addresses", "array", true),
            ("reason", "string", true),
            ("ttl_s", "integer", false),
            ("fleet", "string", false),
            ("force", "boolean", false),
            ("allow_wide", "boolean", false),
        ],
        ..row(
            "POST",
            "/admin/blacklist/bulk",
            "Bans or unbans up to 500 addresses and networks with one reason, and says which were left out",
        )
    },
    Row {
        body: &[("fleet", "string", false)],
        ..row("POST", "/admin/blacklist/complete", "Says that a new list is complete")
    },
    Row {
        query: &[FLEET, ("address", "string", "What allows this address or network")],
        ..row("GET", "/admin/allowlist", "Networks that no ban of the fleet touches")
    },
    Row {
        body: &[
            ("address", "string", true),
            ("reason", "string", true),
            ("ttl_s", "integer", false),
            ("fleet", "string", false),
        ],
        ..row(
            "POST",
            "/admin/allowlist",
            "Allows an address or a network: bans that touch it are lifted, and none is taken",
        )
    },
    Row {
        query: &[("address", "string", "What is allowed; needed"), FLEET],
        ..row("DELETE", "/admin/allowlist", "Allows an address or a network no longer")
    },
    Row {
        query: &[FLEET],
        ..row("GET", "/admin/proposals", "Bans that agents propose")
    },
    Row {
        body: &[("address", "string", true), ("fleet", "string", false)],
        ..row(
            "POST",
            "/admin/proposals",
            "Bans what an agent proposes, for as long and for the same reason",
        )
    },
    Row {
        query: &[("address", "string", "What is proposed; needed"), FLEET],
        ..row("DELETE", "/admin/proposals", "Dismisses what an agent proposes")
    },
    Row {
        query: &[
            (
                "hours",
                "integer",
                "The hours up to now, up to 168; a day where nothing is said",
            ),
            ("profile", "string", "Those of this profile's applications"),
            ("check", "string", "Those of this check"),
            ("rule", "string", "Those of this rule, or of rules that begin so"),
            ("route", "string", "Those of this route"),
            ("level", "integer", "Those of this level: 1 (block), 2 (ban) or 3 (log)"),
        ],
        ..row(
            "GET",
            "/admin/findings",
            "What was refused and what was only logged, counted",
        )
    },
    Row {
        query: &[
            LIMIT,
            ("profile", "string", "Those of this profile's applications"),
            ("check", "string", "Those of this check"),
            ("rule", "string", "Those of this rule, or of rules that begin so"),
            ("route", "string", "Those of this route"),
            ("client", "string", "Those of this address or network"),
        ],
        ..row("GET", "/admin/refusals", "The newest refusals")
    },
    row(
        "GET",
        "/admin/refusals/{id}",
        "Why a request was refused, by the id that its client was shown",
    ),
    row("GET", "/admin/profiles", "Every profile with its configuration"),
    row(
        "GET",
        "/admin/profiles/{name}/config",
        "One profile with its configuration",
    ),
    Row {
        body: CONFIG,
        ..row(
            "PUT",
            "/admin/profiles/{name}/config",
            "Replaces a configuration until the file changes it",
        )
    },
    Row {
        body: CONFIG,
        ..row(
            "PATCH",
            "/admin/profiles/{name}/config",
            "Changes some keys of a configuration; those that are null are dropped",
        )
    },
    row(
        "DELETE",
        "/admin/profiles/{name}/config",
        "Drops what was put in the place of the file's configuration",
    ),
    row(
        "GET",
        "/admin/profiles/{name}/candidate",
        "The configuration that a share of a profile's agents try, and how it fares",
    ),
    Row {
        query: &[(
            "share",
            "integer",
            "How many of a hundred agents try it: 1 to 100; needed",
        )],
        body: CONFIG,
        ..row(
            "PUT",
            "/admin/profiles/{name}/candidate",
            "Publishes a configuration to a share of a profile's agents",
        )
    },
    Row {
        body: &[
            ("share", "integer", true),
            ("version", "integer", false),
            ("force", "boolean", false),
        ],
        ..row(
            "PATCH",
            "/admin/profiles/{name}/candidate",
            "Publishes the candidate to another share; to a larger one with `force` where agents have rolled it back",
        )
    },
    row(
        "DELETE",
        "/admin/profiles/{name}/candidate",
        "Abandons the candidate: all agents run what is in force",
    ),
    Row {
        body: &[("version", "integer", false), ("force", "boolean", false)],
        ..row(
            "POST",
            "/admin/profiles/{name}/candidate/promote",
            "Puts the candidate in force for all agents, under its own version",
        )
    },
    row(
        "GET",
        "/admin/profiles/{name}/versions",
        "Configurations of a profile: the one in force, and up to 20 before it",
    ),
    Row {
        body: &[("version", "integer", true)],
        ..row(
            "POST",
            "/admin/profiles/{name}/rollback",
            "Puts a configuration in force again that was before",
        )
    },
    row("GET", "/admin/keys", "Every agent key, without the key itself"),
    Row {
        body: &[
            ("profile", "string", true),
            ("label", "string", false),
            ("ttl_s", "integer", false),
        ],
        ..row(
            "POST",
            "/admin/keys",
            "Makes an agent key, which only this answer shows",
        )
    },
    row("DELETE", "/admin/keys/{id}", "Revokes an agent key"),
    Row {
        body: &[("overlap_s", "integer", false), ("ttl_s", "integer", false)],
        ..row(
            "POST",
            "/admin/keys/{id}/rotate",
            "Makes a key's successor; the old one ends after the overlap",
        )
    },
    row(
        "GET",
        "/admin/credentials",
        "The credentials of enrolled agents, without the credentials themselves",
    ),
    row(
        "DELETE",
        "/admin/credentials/{profile}/{agent}",
        "Revokes an agent's credential: the agent is refused, whatever key it brings",
    ),
    row(
        "POST",
        "/admin/credentials/{profile}/{agent}/reset",
        "Forgets an agent's credential, revoked or not: the agent may enrol again",
    ),
    row(
        "GET",
        "/admin/tokens",
        "Every operator's token, without the token itself",
    ),
    Row {
        body: &[
            ("label", "string", true),
            ("role", "string", true),
            ("fleets", "array", false),
            ("ttl_s", "integer", false),
        ],
        ..row("POST", "/admin/tokens", "Makes a token, which only this answer shows")
    },
    row("DELETE", "/admin/tokens/{id}", "Revokes a token"),
    Row {
        query: &[
            LIMIT,
            (
                "before",
                "integer",
                "Entries with a lower number: the `next` of the page before",
            ),
            ("action", "string", "Entries of this action"),
        ],
        ..row("GET", "/admin/audit", "Who changed what, the newest first")
    },
];

/// A row for each method that asks for no role: agents, bouncers and probes. The paths of agents
/// stand here as they are without configuration.
pub(super) const OTHERS: &[Row] = &[
    row(
        "GET",
        "/config",
        "The bare configuration and list, with a key as bearer token or X-Buckler-Key",
    ),
    Row {
        body: CONFIG,
        ..row("POST", "/config", "An agent registers")
    },
    Row {
        body: CONFIG,
        ..row("POST", "/beacon", "An agent's beacon")
    },
    row("GET", "/ws", "The WebSocket of agents (subprotocol buckler.v2)"),
    Row {
        body: CONFIG,
        ..row("POST", "/logs", "A security event of pyrasp")
    },
    Row {
        query: &[
            ("ip", "string", "What lists this address"),
            ("range", "string", "What lists this network"),
            ("type", "string", "ban"),
            ("scopes", "string", "ip, range"),
        ],
        media: Some("application/json"),
        ..row("GET", "/v1/decisions", "A list for bouncers of CrowdSec")
    },
    row("HEAD", "/v1/decisions", "As GET, without the body"),
    Row {
        query: &[
            ("startup", "boolean", "Everything, instead of what has changed"),
            ("scopes", "string", "ip, range"),
        ],
        media: Some("application/json"),
        ..row(
            "GET",
            "/v1/decisions/stream",
            "What has changed since the bouncer asked last",
        )
    },
    Row {
        body: CONFIG,
        ..row(
            "POST",
            "/v1/usage-metrics",
            "What a bouncer did; nothing follows from it",
        )
    },
    row("GET", "/livez", "Whether the process answers"),
    row("HEAD", "/livez", "As GET, without the body"),
    row("GET", "/readyz", "Whether requests should be sent here"),
    row("HEAD", "/readyz", "As GET, without the body"),
];
