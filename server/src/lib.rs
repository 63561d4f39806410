//! The cloud server that a fleet of Buckler and pyrasp agents shares: configurations by agent key,
//! one blacklist per fleet.
//!
//! ```text
//!  agents ─▶ http::agents ─┐                           ┌─▶ store: marks, quotas, refusals, profiles
//!                          ├─▶ owner (node's thread) ──┤     list: entries, history, digest
//!  admin ──▶ http::admin ──┘      │       ▲            └─▶ node: who was heard when, snapshots
//!                        commands ▼       │ durable
//!                               journal (its thread): memory, a redb database, or a stream that nodes share
//!        └──▶ profiles (read by all, replaced as a whole)
//!  agents ◀─ http::ws ◀──── hub: what changed, encoded once for all who are connected
//! ```
//!
//! # Endpoints
//! | | |
//! |---|---|
//! | `POST /config` | registration, protocol versions 1 and 2; the path is `cloud_path` |
//! | `GET /config` | the bare form `{"config": {…}, "blacklist": {…}}`; the key in `X-Buckler-Key` or as a bearer token, never in the URL |
//! | `POST /beacon` | beacon, versions 1 and 2; the path is `beacon_path` |
//! | `GET /ws` | the WebSocket of version 2 agents, subprotocol `buckler.v2`, the key as a bearer token; the path is `ws_path` |
//! | `POST /logs` | security events of pyrasp's `LOG_PROTOCOL` `http`: logged at level `debug`; the key as for `GET`, or as `key` in the body |
//! | `GET /v1/decisions`, `GET /v1/decisions/stream` | a list for bouncers of `CrowdSec`, with a bouncer's key in `X-Api-Key` |
//! | `GET /livez`, `GET /readyz` | that the process answers; whether it should be sent requests, else 503 with the reason. Without a token |
//! | `GET /admin/agents` | every agent: platform, version, load, totals, losses, health, configuration, lag behind the list; `?fleet=`, `?profile=`, `?platform=`, `?state=` (`online`, `late`, `gone`), and pages by `?limit=` and `?after=` |
//! | `GET /admin/health` | how many WebSockets are open, may be, and were turned away; what the journal is, and what is wrong with it |
//! | `GET /metrics` | what the server counts, as OpenMetrics text; the admin token |
//! | `GET /admin/openapi.json` | a description of all of these (OpenAPI 3.1) |
//! | `GET /admin/export/{format}` | a fleet's list as `plain`, `nftables`, `ipset`, `nginx` or `haproxy`, with an `ETag` |
//! | `GET /admin/backup` | a backup of all that is kept, as [`backup`] has it |
//! | `GET /admin/blacklist` | a fleet's list, `?fleet=`, `?after=`, `?limit=`, or one entry by `?address=` |
//! | `POST /admin/blacklist` | `{"address", "ttl_s"?, "reason"?, "fleet"?, "force"?, "dry_run"?}`; `force` for host bits, what is protected or wider than an agent may ask for, and a ban without end (no `ttl_s`); `dry_run` says which agents and clients it would shut out |
//! | `DELETE /admin/blacklist?address=` | lets an address in again |
//! | `POST /admin/blacklist/complete` | `{"fleet"?}`: begins a history of which agents are told that it is complete, so that they keep nothing else |
//! | `GET /admin/proposals` | bans that wait for a second witness, `?fleet=` |
//! | `GET /admin/refusals`, `GET /admin/refusals/{id}` | "why was I blocked": rule, place, configuration version and end of a refusal, by the id that the client was shown; what lists the client by now |
//! | `GET /admin/profiles`, `GET`/`PUT /admin/profiles/{name}/config` | configurations, read, and replaced until the file changes them: `source` says whose is active |
//! | `GET`/`POST /admin/keys`, `POST /admin/keys/{id}/rotate`, `DELETE /admin/keys/{id}` | agents' keys: shown once when they are made, then by their last four characters |
//! | `GET /admin/credentials` | agents that have enrolled, each with the key that it did so with |
//! | `DELETE /admin/credentials/{profile}/{agent}` | refuses an agent that has enrolled, until it is reset |
//! | `POST /admin/credentials/{profile}/{agent}/reset` | forgets an agent's credential, refused or not: it may enrol again |
//! | `GET`/`POST /admin/tokens`, `DELETE /admin/tokens/{id}` | operators' tokens, each with a role and fleets |
//! | `GET /admin/audit` | who changed what, `?before=`, `?limit=`, `?action=` |
//!
//! Paths under `/admin` ask for a token in `Authorization: Bearer`, and each for a role: `view` to
//! read, `operate` for lists and configurations, `admin` for keys, tokens and backups. The file's
//! `admin_token` may do everything; one of some fleets sees and changes these alone.
//!
//! Every answer but the bare form is `{"status", "message", "data"}`; with any status but 200, `status` is false and `data`
//! empty. 403 means a wrong key, 404 a key without a profile.
//!
//! # Over the WebSocket
//! Messages and answers are those of HTTP. A changed list or configuration is pushed within milliseconds, to each agent from
//! the revision that it has; one that reads too slowly is told to ask (`pull_now`) and holds up nobody. Closed is with 1008
//! (no frame of the protocol), 1009 (too large), 4403 and 4404 (the key is revoked, or its profile gone), 4408 (nothing came
//! for `limits.ws_idle_s`), and 1001 when the server stops, after the flag `goodbye`. Who comes in a crowd is answered 503
//! with a `Retry-After` of its own.
//!
//! # What no agent can ban
//! Special and private addresses, trusted proxies and the fleet's own addresses (`nack` code `protected_range`), networks wider
//! than /24 or /48 (`too_wide`), more than its quota (`quota`), what was let in after the ban was made (`unbanned`). An agent
//! cannot let in what an operator listed (`operator_entry`). A version 1 agent is not told: what it may not share is not
//! shared.
//!
//! # Version 1 agents
//! They acknowledge nothing and know only single addresses, so networks are never sent to them (`networks` in the admin's view
//! counts what they miss), and every beacon's reply repeats the changes of the last ten minutes, or of three of their
//! intervals if that is longer, or of the time that nobody spoke with this key from this address. A repeated address is
//! ignored by an agent that has it, and none is repeated after its end or after the agent's `BLACKLIST_DELAY`, except what an
//! operator listed for longer than that. An address that ended or was let in again is repeated in `remove` for as long.

pub mod backup;
mod config;
mod events;
pub mod exchange;
mod http;
mod hub;
pub mod journal;
mod lines;
pub mod list;
mod listen;
mod metrics;
mod moment;
pub mod neighbours;
pub mod node;
mod owner;
mod profiles;
mod protect;
mod running;
mod secret;
mod server;
mod sockets;
pub mod store;
pub mod systemd;
mod tls;
mod tokens;
mod upkeep;

pub use config::{
    AgentRules, Bouncer, ClientSubject, ConfigError, EventsFile, JournalConfig, JournalKind, JournalTls, Limits,
    Profile, ServerConfig, SharedSecret, Tls, Webhook,
};
pub use moment::{Moment, Tick};
pub use node::Node;
pub use protect::Protected;
pub use running::RunningServer;
pub use secret::{Fingerprint, Secret};
pub use server::{Server, ServerBuilder, ServerError};
pub use sockets::{FileLimit, raise_file_limit};
pub use store::Store;
