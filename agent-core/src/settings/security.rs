//! The security part: pyrasp's keys, layer by layer. The policy merges and compiles them; here they are gathered, each with its
//! origin, and the policy's problems are given the place where an operator finds them.

use std::sync::Arc;

use config::Value;
use serde_json::Value as Json;

use super::{
    Problem,
    environment::Variable,
    section::{self, Found},
    value::{self, CODE, Table},
};
use crate::{
    model::policy::{self, Layer, Policy},
    protocol::ConfigMap,
};

/// The layers of the security part, as they are gathered.
#[derive(Debug, Default)]
pub(super) struct SecurityLayers {
    /// What files say, the strongest last.
    files: Vec<Layer>,
    variables: Vec<Variable>,
    /// Files of pyrasp's keys alone: their keys stand at the top, not under `security`.
    bare: Vec<String>,
}

/// The template that the layers lie on, and who named it.
pub(super) struct Template<'a> {
    pub(super) name: &'a str,
    pub(super) origin: String,
}

/// The security part, gathered and checked.
#[derive(Debug, Default)]
pub(super) struct Security {
    /// What file and environment say, the strongest last: below what the server says.
    pub(super) local: Vec<Layer>,
    /// What the host's code says: above what the server says.
    pub(super) code: Option<Layer>,
    /// What both come to; absent where there are problems.
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// Whether a file's top level is pyrasp's: its keys bare, or under `config`.
pub(super) fn is_pyrasp(table: &Table) -> bool {
    let is_wrapper = |config: &Value| value::table(config).is_some();
    table.get("config").is_some_and(is_wrapper) || !own_keys(table).is_empty()
}

/// Those of a table's keys that are pyrasp's, in any case.
pub(super) fn own_keys(table: &Table) -> Vec<&str> {
    let known = defaults("default");
    table
        .keys()
        .map(String::as_str)
        .filter(|key| known.contains_key(&key.to_ascii_uppercase()))
        .collect()
}

impl SecurityLayers {
    /// Adds `[security]` of a settings file.
    pub(super) fn table(&mut self, origin: &str, table: &Table) {
        if !table.is_empty() {
            let keys = table.iter().map(|(key, value)| (key.clone(), value::to_json(value)));
            self.files.push(Layer::new(origin, keys.collect()));
        }
    }

    /// Adds a file of pyrasp's keys alone, bare or under `config`.
    pub(super) fn file(&mut self, origin: &str, table: &Table) {
        self.bare.push(origin.to_owned());
        self.table(origin, table);
    }

    /// Adds what the environment says.
    pub(super) fn variables(&mut self, variables: Vec<Variable>) {
        self.variables = variables;
    }

    /// Gives every text of the environment its type, and has the policy judge the whole.
    pub(super) fn compile(self, template: &Template<'_>, code: ConfigMap) -> Security {
        let Self {
            mut files,
            variables,
            bare,
        } = self;
        if !variables.is_empty() {
            let defaults = defaults(template.name);
            files.extend(variables.into_iter().map(|variable| layer(variable, &defaults)));
        }
        let code = (!code.is_empty()).then(|| Layer::new(CODE, code));
        let mut security = Security {
            local: files,
            code,
            ..Security::default()
        };
        let layers: Vec<Layer> = security.local.iter().chain(&security.code).cloned().collect();
        match Policy::compile(template.name, &layers) {
            Ok(policy) => {
                security.judge_unknown(&policy, &bare);
                security.policy = Some(Arc::new(policy));
            }
            Err(error) => {
                let problems = error.problems().iter().map(|problem| placed(problem, template, &bare));
                security.problems.extend(problems);
            }
        }
        security
    }
}

impl Security {
    /// Keys that no release of pyrasp knows are passed on and reported, since the next release may; not those in a file that resemble
    /// a known one.
    fn judge_unknown(&mut self, policy: &Policy, bare: &[String]) {
        let mut found = Found::default();
        for unknown in policy.unknown_keys() {
            let key = place(&unknown.key, &unknown.origin, bare);
            let meant = policy.meant_by(unknown);
            let what = match &meant {
                Some(known) => format!("an unknown key, not used (did you mean {known}?)"),
                None => "an unknown key, not used".to_owned(),
            };
            let problem = Problem::new(&unknown.origin, key, what, "pyrasp's configuration keys");
            match unknown.origin == CODE {
                // a dictionary of settings in another language may be newer than this crate
                true => found.warnings.push(problem),
                false => found.add_unknown(problem, meant.is_some()),
            }
        }
        self.problems.extend(found.problems);
        self.warnings.extend(found.warnings);
    }
}

/// A problem of the policy with its place in the settings. The policy was given the template by name alone.
fn placed(problem: &policy::Problem, template: &Template<'_>, bare: &[String]) -> Problem {
    let policy::Problem {
        origin,
        key,
        found,
        allowed,
    } = problem;
    if origin == "settings" && key == "template" {
        return Problem::new(&template.origin, "agent.template", found, allowed);
    }
    Problem::new(origin, place(key, origin, bare), found, allowed)
}

/// Where a key stands in its origin.
fn place(key: &str, origin: &str, bare: &[String]) -> String {
    if key.is_empty() || bare.iter().any(|file| file == origin) {
        key.to_owned()
    } else {
        format!("security.{key}")
    }
}

/// What a template says, in upper case. A template that does not exist says nothing; the policy names it.
fn defaults(template: &str) -> ConfigMap {
    Policy::compile(template, &[])
        .map(|policy| policy.raw().clone())
        .unwrap_or_default()
}

/// A variable as a layer of its own, so that its problems bear its name.
fn layer(variable: Variable, defaults: &ConfigMap) -> Layer {
    let Variable {
        origin,
        key,
        check,
        text,
    } = variable;
    let said = match check {
        Some(check) => Json::Object(std::iter::once((check, guess(&text))).collect()),
        None => typed(&text, defaults.get(&key)),
    };
    Layer::new(origin, std::iter::once((key, said)).collect())
}

/// A text as the type that the template has at the same key. What does not fit stays a text, which the policy then refuses by name.
fn typed(text: &str, default: Option<&Json>) -> Json {
    let text = text.trim();
    let parsed = match default {
        Some(Json::String(_)) => None,
        Some(Json::Bool(_)) => section::flag(text).map(Json::Bool),
        Some(Json::Array(_)) if !text.starts_with('[') => Some(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Json::from)
                .collect(),
        ),
        Some(Json::Null | Json::Number(_) | Json::Array(_) | Json::Object(_)) | None => Some(guess(text)),
    };
    parsed.unwrap_or_else(|| text.into())
}

/// JSON where it is JSON, else the text.
fn guess(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Layers for a print: secrets left out.
pub(super) fn show(layers: &[Layer]) -> Vec<(&str, String)> {
    let shown = |layer: &Layer| {
        let keys = layer
            .keys
            .iter()
            .map(|(key, said)| (key.clone(), if is_secret(key) { "…".into() } else { said.clone() }));
        Json::Object(keys.collect()).to_string()
    };
    layers
        .iter()
        .map(|layer| (layer.origin.as_str(), shown(layer)))
        .collect()
}

/// Keys whose values are never shown: the zero-trust key, and an agent key that went astray.
fn is_secret(key: &str) -> bool {
    ["KEY", "ZTAA_KEY", "ZTAA_KEYS", "CONFIG"]
        .iter()
        .any(|secret| key.eq_ignore_ascii_case(secret))
}
