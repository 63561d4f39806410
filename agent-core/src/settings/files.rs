//! The files that settings come from: reading them, and what a relative path in one of them is relative to.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use config::{FileFormat, Format};

use super::{Problem, value::Table};

/// The most bytes of a settings file: room for a whitelist of a million networks, and an end to reading a device by mistake.
const LARGEST: u64 = 32 << 20;

/// The files that were read, so that a path said in one of them can be found beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    read: Vec<PathBuf>,
}

impl Files {
    /// Reads a file in the format that its extension names, else in `otherwise`. The origin of its values is its path as it was
    /// given: the `config` crate would say it relative to the working directory, which nobody wrote.
    pub(super) fn read(&mut self, path: &Path, otherwise: Option<FileFormat>) -> Result<Table, Problem> {
        let origin = name(path);
        let problem = |found: String, allowed: &str| Problem::new(&origin, "", found, allowed);
        let Some((format, called)) = format(path).or_else(|| otherwise.map(|format| (format, "JSON"))) else {
            let found = match path.extension() {
                Some(extension) => format!("the extension .{}", extension.display()),
                None => "no extension".to_owned(),
            };
            return Err(problem(found, "the extension .toml, .json, .yaml or .yml"));
        };
        let text = contents(path).map_err(|found| problem(found, "a TOML, JSON or YAML file that can be read"))?;
        self.read.push(path.to_owned());
        format
            .parse(Some(&origin), text.trim_start_matches('\u{feff}'))
            .map_err(|error| {
                problem(
                    format!("no valid {called}{}", syntax(&error.to_string())),
                    &format!("valid {called}"),
                )
            })
    }

    /// The files that were read.
    pub(super) fn into_read(self) -> Vec<PathBuf> {
        self.read
    }

    /// The path that `text`, said by `origin`, means.
    pub(super) fn resolve(&self, origin: Option<&str>, text: &str) -> PathBuf {
        let file = self.read.iter().find(|file| origin == Some(&*name(file)));
        file.and_then(|file| file.parent())
            .map_or_else(|| PathBuf::from(text), |directory| directory.join(text))
    }
}

/// The origin of what a file says.
pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}

fn format(path: &Path) -> Option<(FileFormat, &'static str)> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "toml" => Some((FileFormat::Toml, "TOML")),
        "json" => Some((FileFormat::Json, "JSON")),
        "yaml" | "yml" => Some((FileFormat::Yaml, "YAML")),
        _ => None,
    }
}

fn contents(path: &Path) -> Result<String, String> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            "no such file".to_owned()
        } else {
            format!("a file that cannot be read ({error})")
        }
    };
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if read as u64 > LARGEST {
        Err(format!("more than {} MiB", LARGEST >> 20))
    } else {
        Ok(text)
    }
}

/// Where and why a parser stopped, without a word of the file: the line may hold the agent's key.
///
/// TOML's message quotes the line before it gives the reason, YAML's quotes a key that occurs twice. What is not known to be free
/// of the file's text is left out.
fn syntax(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    if let Some(place) = first.strip_prefix("TOML parse error at ") {
        // the gutter, the quoted line, the mark beneath it, and then the reason
        return format!(": {}, {place}", lines.nth(3).unwrap_or("unreadable"));
    }
    if let Some((_, place)) = message.rsplit_once(": duplicated key in mapping") {
        return format!(": a key occurs twice{place}");
    }
    let is_json_or_yaml = first.contains(" at line ") || first.contains(" at byte ");
    if is_json_or_yaml {
        format!(": {first}")
    } else {
        String::new()
    }
}
