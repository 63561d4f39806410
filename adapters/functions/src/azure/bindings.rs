//! `host.json` and `function.json`, as far as they say how the host hands invocations over.

use serde::Deserialize;

/// The output binding that means a function's return value.
pub(super) const RETURN: &str = "$return";

/// A function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Function {
    /// None where something else than a request triggers it.
    pub(super) trigger: Option<HttpTrigger>,
    /// The name of its HTTP output, where it has one.
    pub(super) output: Option<String>,
    /// Whether it has an HTTP trigger, an HTTP output and no other binding: only such functions are forwarded requests.
    pub(super) is_http_alone: bool,
}

/// What a function's HTTP trigger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HttpTrigger {
    /// The name under which the request stands in `Data`.
    pub(super) name: String,
    /// The route's template, without the prefix; the function's name where it is not given.
    pub(super) route: Option<String>,
    /// In upper case; all of them where none is given.
    pub(super) methods: Vec<String>,
}

impl HttpTrigger {
    /// Whether the route takes any path below its own: then it is for the handler to say which paths there are.
    pub(super) fn is_catch_all(&self) -> bool {
        self.route.as_ref().is_some_and(|route| route.contains("{*"))
    }
}

/// `function.json`.
#[derive(Debug, Deserialize)]
pub(super) struct FunctionFile {
    #[serde(default)]
    bindings: Vec<Binding>,
    /// A truth value, or the name of a setting that has one: then the host knows, and we take the function for enabled.
    #[serde(default)]
    disabled: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Binding {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    name: String,
    route: Option<String>,
    #[serde(default)]
    methods: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    In,
    Out,
    InOut,
}

impl FunctionFile {
    /// The function of this name; none where it is disabled.
    pub(super) fn function(self, name: &str) -> Option<Function> {
        if self.disabled == serde_json::Value::Bool(true) {
            tracing::debug!(name, "the function is disabled");
            return None;
        }
        let is_in = |binding: &&Binding| binding.direction != Direction::Out;
        let (ins, outs): (Vec<&Binding>, Vec<&Binding>) = self.bindings.iter().partition(is_in);
        let trigger = ins.iter().find(|binding| binding.is("httpTrigger"));
        let output = outs.iter().find(|binding| binding.is("http"));
        Some(Function {
            is_http_alone: trigger.is_some() && output.is_some() && ins.len() == 1 && outs.len() == 1,
            trigger: trigger.map(|binding| binding.trigger()),
            output: output.map(|binding| binding.name.clone()),
        })
    }
}

impl Binding {
    fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    fn trigger(&self) -> HttpTrigger {
        HttpTrigger {
            name: self.name.clone(),
            route: self.route.clone(),
            methods: self.methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
        }
    }
}

/// `host.json`. What it does not say is as the host has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HostFile {
    extensions: Extensions,
    custom_handler: CustomHandler,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    http: Http,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Http {
    route_prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CustomHandler {
    enable_forwarding_http_request: bool,
}

impl HostFile {
    /// What stands before every route.
    pub(super) fn route_prefix(&self) -> String {
        const DEFAULT: &str = "api";
        let said = self.extensions.http.route_prefix.as_deref();
        said.unwrap_or(DEFAULT).to_owned()
    }

    pub(super) const fn forwards(&self) -> bool {
        self.custom_handler.enable_forwarding_http_request
    }
}
