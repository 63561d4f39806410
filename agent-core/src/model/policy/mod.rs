//! The policy: a configuration, parsed, checked and compiled once, so that what runs cannot be impossible and a look-up costs
//! next to nothing.
//!
//! A configuration is laid in layers, as pyrasp documents it: a template, then the local file, then the server, then what the
//! code sets; later layers win key by key. [`keys`] lists all keys. Unlike in pyrasp
//! - `SECURITY_CHECKS` is merged check by check in every layer: a layer that names one check leaves the others alone, where
//!   pyrasp switches them off;
//! - a value that cannot be meant (an unknown template, action or type of pattern, a port of 0, an empty pattern) is an error that
//!   names the layer, the key, what was found and what is allowed, where pyrasp takes something else in silence;
//! - the answer's `Server` header stays the host's (`CHANGE_SERVER`), and no third party is asked where a visitor lives
//!   (`RESOLVE_COUNTRY`), unless somebody says so.
//!
//! # Templates
//! All begin from levels 2 for `flood`, `decoy`, `format`, `sqli`, `xss`, `hpp`, `command` and
//! `brute`, else 0; from decoys that are exact paths of scanners (`/.env`, `/.git/config`,
//! `/wp-config.php`, …); and from ignored paths that browsers, crawlers and monitors ask for
//! unbidden (`/favicon.ico`, `/robots.txt`, `/healthz`, …).
//!
//! | Template | For | Changes |
//! |---|---|---|
//! | `default` | a web application | nothing |
//! | `audit` | one that is being probed | level 2 for `spoofing`, `method`, `dlp` and `upload` too, 1 for `path`; 600 requests a minute, 2000 at once, 30 errors a minute; no uploads |
//! | `monitor` | a first look | all that is on only logs, but `flood`, which is off |
//! | `llm` | a front end of a language model | level 2 for `prompt`, blocks for `dlp` and `upload`, no `command` |
//! | `mcp` | a server of the Model Context Protocol | level 2 for `dlp` and `upload` |
//! | `pyrasp` | one that is to behave as under pyrasp 0.9.2 | its decoys and floods; one finding bans for an hour, and nothing is shared |

mod access;
mod ask;
mod bans;
mod check;
mod cloud;
mod delivered;
mod detectors;
mod dry_run;
mod error;
mod exceptions;
mod families;
mod floor;
mod hash;
pub mod keys;
mod layer;
mod log;
mod paths;
mod reaction;
mod reader;
mod routes;
mod template;
mod uploads;
mod value;
mod zero_trust;

use std::{fmt, sync::Arc};

use buckler_waf::{detect::leak::LeakOptions, places::SecretNames};
use serde_json::Value;

use self::{
    access::Access,
    bans::BanLengths,
    cloud::Cloud,
    error::Fault,
    layer::Stack,
    paths::{Flooding, Paths},
    reaction::Answers,
    reader::{Reader, Rest},
    routes::{Elsewhere, Routes},
    value::Parsed,
};
pub use self::{
    bans::BanTerms,
    check::{Check, Level},
    delivered::{delivered, normal},
    detectors::Injection,
    error::{PolicyError, Problem},
    exceptions::{Exceptions, Found, NarrowException},
    floor::{Floor, Held},
    hash::config_hash,
    layer::{Layer, SERVER, UnknownKey, laid_over},
    log::{Log, LogFormat, LogProtocol},
    paths::Window,
    reaction::Reaction,
    routes::RouteRules,
    template::is_template,
    uploads::Uploads,
    zero_trust::ZeroTrust,
};
use crate::protocol::ConfigMap;

/// A configuration, ready to judge by. Immutable: a change is a new one.
///
/// ```
/// use buckler::model::policy::{Check, Layer, Level, Policy};
/// let keys = serde_json::json!({"hosts": ["shop.example.com"], "security_checks": {"flood": 0}});
/// let file = Layer::new("shop.json", keys.as_object().cloned().unwrap_or_default());
/// let policy = Policy::compile("default", &[file])?;
/// assert_eq!(policy.level(Check::Flood), Level::Off);
/// assert_eq!(policy.level(Check::Decoy), Level::Ban);
/// assert!(policy.hosts_allow("shop.example.com:8080") && policy.decoy("/.env"));
/// # Ok::<(), buckler::model::policy::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    version: Option<u64>,
    dry_run: Option<Arc<Self>>,
    template: String,
    app_name: String,
    levels: [Level; Check::ALL.len()],
    access: Access,
    paths: Paths,
    flood: Window,
    error_flood: Window,
    flooding: Flooding,
    answers: Answers,
    ban_terms: BanTerms,
    ban_lengths: BanLengths,
    cloud: Cloud,
    verbose: u32,
    injection: Injection,
    exceptions: Exceptions,
    secret_names: SecretNames,
    leaks: LeakOptions,
    uploads: Uploads,
    zero_trust: ZeroTrust,
    log: Log,
    routes: Routes,
    raw: ConfigMap,
    unknown: Vec<UnknownKey>,
    held: Vec<Held>,
}

impl Policy {
    /// Compiles a template and the layers over it; later layers win.
    ///
    /// # Errors
    /// Every problem of every layer, also of values that a later layer replaces.
    pub fn compile(template: &str, layers: &[Layer]) -> Result<Self, PolicyError> {
        Self::compile_above(&Floor::default(), template, layers)
    }

    /// The same, where the layer of the server ([`SERVER`]) may not go below a floor of the host's.
    ///
    /// # Errors
    /// As [`compile`](Self::compile). What is below the floor is no error: it is not taken, and
    /// told by [`held`](Self::held).
    pub fn compile_above(floor: &Floor, template: &str, layers: &[Layer]) -> Result<Self, PolicyError> {
        let (mut reader, mut held) = reader_above(floor, template, layers);
        let app_name = reader.read("APP_NAME", value::line);
        let access = Access::read(&mut reader);
        let paths = Paths::read(&mut reader);
        let (flood, error_flood) = (Window::of_requests(&mut reader), Window::of_errors(&mut reader));
        let flooding = Flooding::read(&mut reader);
        let answers = Answers::read(&mut reader);
        let ban_terms = BanTerms::read(&mut reader);
        let ban_lengths = BanLengths::read(&mut reader);
        let cloud = Cloud::read(&mut reader);
        let verbose = reader.read("VERBOSE", |value| value::number(value, &(0..=u32::MAX), ""));
        let injection = Injection::read(&mut reader);
        let exceptions = exceptions::read(&mut reader);
        let secret_names = detectors::secret_names(&mut reader);
        let leaks = detectors::leaks(&mut reader);
        let uploads = Uploads::read(&mut reader);
        let zero_trust = ZeroTrust::read(&mut reader);
        let log = Log::read(&mut reader);
        let mut levels = Check::ALL.map(|check| level_of(&mut reader, check, answers.no_bans));
        held.extend(floor.raise(template, layers, &mut levels, &reader));
        let elsewhere = Elsewhere {
            levels: &levels,
            flood,
            error_flood,
            uploads: &uploads,
        };
        let routes = Routes::read(&mut reader, &elsewhere);
        let candidate = reader.read(dry_run::KEY, dry_run::candidate_keys);
        zero_trust.require_keys(level_in(&levels, Check::Ztaa), &mut reader);
        routes.require_keys(level_in(&levels, Check::Ztaa), &zero_trust, &mut reader);
        let Rest { raw, unknown } = reader.finish().map_err(PolicyError::new)?;
        let dry_run = dry_run::compile(template, layers, candidate)?;
        Ok(Self {
            version: None,
            unknown: unknown.into_iter().chain(unknown_to(dry_run.as_deref())).collect(),
            dry_run,
            template: template.to_owned(),
            app_name,
            levels,
            access,
            paths,
            flood,
            error_flood,
            flooding,
            answers,
            ban_terms,
            ban_lengths,
            cloud,
            verbose,
            injection,
            exceptions,
            secret_names,
            leaks,
            uploads,
            zero_trust,
            log,
            routes,
            raw,
            held,
        })
    }

    /// What its server asked for that is below the host's floor, and is not in force.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// In what it protects less than the one before it, a line each.
    #[must_use]
    pub fn weaker_than(&self, before: &Self) -> Vec<String> {
        floor::weaker(before, self)
    }

    /// The same policy under the server's number. 0 is none: version 1 servers do not count.
    #[must_use]
    pub const fn numbered(mut self, version: u64) -> Self {
        self.version = if version == 0 { None } else { Some(version) };
        self
    }
}

/// The layers without what is below the floor, and what that was.
fn reader_above(floor: &Floor, template: &str, layers: &[Layer]) -> (Reader, Vec<Held>) {
    let mut stack = stack(template, layers);
    let held = floor.hold(&mut stack);
    (Reader::new(stack), held)
}

/// The keys that only the policy beside it has, and that are unknown.
fn unknown_to(dry_run: Option<&Policy>) -> impl Iterator<Item = UnknownKey> {
    let of_candidate = dry_run.into_iter().flat_map(|candidate| candidate.unknown.clone());
    of_candidate.filter(|key| key.origin == dry_run::KEY)
}

/// The defaults, the template and the layers; an unknown template is a problem beside the others.
fn stack(template: &str, layers: &[Layer]) -> Stack {
    let mut stack = Stack::new(Layer::new("template default", template::defaults()));
    match template::changes(template) {
        Some(changes) => stack.push_template(Layer::new(format!("template {template}"), changes)),
        None => stack.problems.push(Problem {
            origin: "settings".to_owned(),
            key: "template".to_owned(),
            found: error::excerpt(&Value::from(template).to_string()),
            allowed: template::NAMES.join(", "),
        }),
    }
    layers.iter().for_each(|layer| stack.push(layer.clone()));
    stack
}

fn level_in(levels: &[Level], check: Check) -> Level {
    levels.get(check as usize).copied().unwrap_or_default()
}

fn level_of(reader: &mut Reader, check: Check, no_bans: bool) -> Level {
    match (check, no_bans) {
        (Check::Blacklist, true) => Level::Off,
        (Check::Blacklist, false) => Level::Ban,
        _ => reader.read(&keys::of_check(check.name()), level),
    }
}

/// A number from 0 to 3, or a switch: `false` is off and `true` blocks, as in pyrasp.
fn level(value: &Value) -> Parsed<Level> {
    let fault = || {
        Fault::new(
            value,
            "0 (off), 1 (block), 2 (block, and count as evidence for a ban) or 3 (log only)",
        )
    };
    match value.as_bool() {
        Some(on) => Ok(if on { Level::Block } else { Level::Off }),
        None => {
            let number = value::number(value, &(0..=3), "").map_err(|_| fault())?;
            Level::from_number(number.into()).ok_or_else(fault)
        }
    }
}

/// Whether a configuration has a key of this name, in upper case.
#[cfg(feature = "agent")]
pub(crate) fn is_key(name: &str) -> bool {
    template::defaults().contains_key(name)
}

/// What it is called and does, without its values: one of them is a secret.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("template", &self.template)
            .field("app_name", &self.app_name)
            .field("checks_on", &self.checks_on())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
