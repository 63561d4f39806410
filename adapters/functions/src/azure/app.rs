//! A function app's directory: its `host.json`, and a folder with a `function.json` for every function.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use buckler::protocol::{Route, Routes};
use serde::de::DeserializeOwned;

use super::bindings::{Function, FunctionFile, HostFile};
use crate::variable::{of_process, text};

/// What a function app says of its functions.
#[derive(Debug, Clone, Default)]
pub struct FunctionApp {
    functions: BTreeMap<String, Function>,
    route_prefix: String,
    forwards: bool,
}

/// A file of a function app cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It, or its directory, is not there or not for this user to read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what the Azure Functions documentation has it be.
    #[error("{}: {error}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Where, and what is expected.
        error: serde_json::Error,
    },
}

impl FunctionApp {
    /// The app that the process was started for: in `FUNCTIONS_APP_ROOT_PATH`, which the host sets, or in `AzureWebJobsScriptRoot`, or in
    /// the working directory, which is the app's unless `host.json` says otherwise.
    ///
    /// An app that cannot be read is one without functions, which is logged: no route is then reported, and every invocation in JSON is
    /// taken for one that no client made.
    #[must_use]
    pub fn from_env() -> Self {
        let named = ["FUNCTIONS_APP_ROOT_PATH", "AzureWebJobsScriptRoot"];
        let root = named.iter().find_map(|name| text(&of_process, name));
        let root = root.unwrap_or_else(|| ".".to_owned());
        Self::read(&root).unwrap_or_else(|error| {
            tracing::error!(%error, "the function app cannot be read: no function is known");
            Self::default()
        })
    }

    /// Reads an app's directory.
    ///
    /// # Errors
    /// Where the directory, its `host.json` or a function's `function.json` cannot be read, or is malformed.
    pub fn read(root: impl AsRef<Path>) -> Result<Self, AppError> {
        let root = root.as_ref();
        let host: HostFile = parsed(&root.join("host.json"))?;
        let unreadable = |error| AppError::Unreadable {
            path: root.to_owned(),
            error,
        };
        let mut functions = BTreeMap::new();
        for entry in fs::read_dir(root).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let file = entry.path().join("function.json");
            if let Some(name) = entry.file_name().to_str()
                && file.is_file()
            {
                let file: FunctionFile = parsed(&file)?;
                functions.extend(file.function(name).map(|function| (name.to_owned(), function)));
            }
        }
        Ok(Self {
            functions,
            route_prefix: host.route_prefix(),
            forwards: host.forwards(),
        })
    }

    /// The routes of functions with an HTTP trigger, for the registration: `/api/orders/{id}`.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let route = |(name, function): (&String, &Function)| {
            let trigger = function.trigger.as_ref()?;
            let own = trigger.route.as_deref().unwrap_or(name);
            let parts = [self.route_prefix.as_str(), own].map(|part| part.trim_matches('/'));
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let route = Route {
                methods: trigger.methods.clone(),
                path: format!("/{}", parts.join("/")),
            };
            Some((name.clone(), route))
        };
        self.functions.iter().filter_map(route).collect()
    }

    /// The function whose invocations come as JSON to this path.
    pub(super) fn packed_at(&self, path: &str) -> Option<&Function> {
        let function = self.functions.get(path.strip_prefix('/')?)?;
        let is_forwarded = self.forwards && function.is_http_alone;
        (!is_forwarded).then_some(function)
    }
}

fn parsed<T: DeserializeOwned>(path: &Path) -> Result<T, AppError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(AppError::Unreadable { path, error }),
    };
    // the byte order mark that editors on Windows write
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|error| AppError::Malformed { path, error })
}
