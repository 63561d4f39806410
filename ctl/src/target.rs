//! Which server is asked, and with which token.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use ureq::tls::{Certificate, PemItem, parse_pem};
use url::Url;

use crate::cli::ServerArgs;

/// The variable that holds the token.
const TOKEN: &str = "BUCKLERCTL_TOKEN";

/// A server, and the token that opens its admin API.
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) token: String,
    /// The authorities that its certificate is judged by; those that browsers believe where there
    /// are none.
    pub(crate) ca: Option<Vec<Certificate<'static>>>,
}

/// Never the token.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// Why it is not known whom to ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("no server is named: use --server, BUCKLERCTL_SERVER, or `server = \"https://…\"` in {0}")]
    NoServer(String),
    #[error("no token is named: use BUCKLERCTL_TOKEN, --token-file, or `token_file = \"…\"` in {0}")]
    NoToken(String),
    #[error("{text:?} is no server: an http:// or https:// URL with a host and without a query is")]
    NoUrl { text: String },
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    ca: Option<PathBuf>,
    token: Option<String>,
    token_file: Option<PathBuf>,
}

impl Target {
    /// Puts together what flags, environment and file say.
    pub(crate) fn find(args: &ServerArgs) -> Result<Self, TargetError> {
        let path = args.config.clone().or_else(default_file);
        let shown = path
            .as_ref()
            .map_or_else(|| "a --config file".to_owned(), |path| path.display().to_string());
        let file = match &path {
            Some(path) => read(path, args.config.is_some())?,
            None => File::default(),
        };
        let server = args
            .server
            .clone()
            .or(file.server)
            .ok_or_else(|| TargetError::NoServer(shown.clone()))?;
        let beside = |named: &Path| {
            path.as_deref()
                .and_then(Path::parent)
                .map_or_else(|| named.to_owned(), |dir| dir.join(named))
        };
        let token = match (&args.token_file, env::var(TOKEN).ok().filter(|token| !token.is_empty())) {
            (Some(file), _) => token_in(file)?,
            (None, Some(token)) => token,
            (None, None) => match (file.token, file.token_file) {
                (Some(token), _) => token,
                (None, Some(named)) => token_in(&beside(&named))?,
                (None, None) => return Err(TargetError::NoToken(shown)),
            },
        };
        let ca = args.ca.clone().or_else(|| file.ca.as_deref().map(beside));
        Ok(Self {
            url: url(&server)?,
            token,
            ca: ca.as_deref().map(authorities_in).transpose()?,
        })
    }
}

/// The server's URL, of which paths can be made.
pub(crate) fn url(text: &str) -> Result<Url, TargetError> {
    let no_url = || TargetError::NoUrl { text: text.to_owned() };
    let mut url = Url::parse(text).map_err(|_| no_url())?;
    let is_plain = url.has_host() && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !is_plain || !matches!(url.scheme(), "http" | "https") {
        return Err(no_url());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn default_file() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".config"));
    set("XDG_CONFIG_HOME")
        .or_else(home)
        .map(|config| config.join("bucklerctl.toml"))
}

/// A file that was not asked for need not be there.
fn read(path: &Path, is_asked_for: bool) -> Result<File, TargetError> {
    let failed = |problem: String| TargetError::File {
        path: path.to_owned(),
        problem,
    };
    match fs::read_to_string(path) {
        // the message quotes the line, which may hold the token: what is wrong is said without it
        Ok(text) => toml::from_str(&text).map_err(|error| failed(error.message().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_asked_for => Ok(File::default()),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn token_in(path: &Path) -> Result<String, TargetError> {
    let failed = |problem: &str| TargetError::File {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let text = fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
    match text.trim() {
        "" => Err(failed("it is empty: a token is expected")),
        token if token.contains(char::is_whitespace) => Err(failed("it holds more than one word: a token is expected")),
        token => Ok(token.to_owned()),
    }
}

/// The authorities in a file of PEM: what else stands there, such as a key, is passed over.
fn authorities_in(path: &Path) -> Result<Vec<Certificate<'static>>, TargetError> {
    let failed = |problem: String| TargetError::File {
        path: path.to_owned(),
        problem,
    };
    let pem = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let mut authorities = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| failed(error.to_string()))? {
            authorities.push(certificate);
        }
    }
    if authorities.is_empty() {
        return Err(failed(
            "it holds no certificate: those of authorities are expected, in PEM".to_owned(),
        ));
    }
    Ok(authorities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_certificates_in_pem() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ca.pem");
        let ca = buckler_tests::ca::Ca::new("of the test").unwrap();
        let key = ca.issue("127.0.0.1").unwrap().key_pem;
        fs::write(&path, format!("{key}{}", ca.pem())).unwrap();
        assert_eq!(authorities_in(&path).unwrap().len(), 1);
        fs::write(&path, key).unwrap();
        let error = authorities_in(&path).unwrap_err().to_string();
        assert!(error.contains("ca.pem") && error.contains("no certificate"), "{error}");
        let error = authorities_in(&home.path().join("none.pem")).unwrap_err().to_string();
        assert!(error.contains("none.pem"), "{error}");
    }

    #[test]
    fn a_server_is_a_plain_url() {
        assert_eq!(url("http://127.0.0.1:9100").unwrap().as_str(), "http://127.0.0.1:9100/");
        assert_eq!(
            url("https://x.test/buckler")
                .unwrap()
                .join("admin/health")
                .unwrap()
                .path(),
            "/buckler/admin/health"
        );
        for text in ["", "127.0.0.1:9100", "ftp://x", "https://x/?a", "https://user@x/"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_is_named_without_its_token() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ctl.toml");
        fs::write(&path, "token = \"hush\"\nserver = 7\n").unwrap();
        let error = read(&path, true).unwrap_err().to_string();
        assert!(error.contains("ctl.toml") && !error.contains("hush"), "{error}");
        fs::write(&path, "tokens = \"hush\"\n").unwrap();
        let error = read(&path, true).unwrap_err().to_string();
        assert!(
            error.contains("tokens") && error.contains("token_file") && !error.contains("hush"),
            "{error}"
        );
        assert!(read(&home.path().join("none"), true).is_err());
        assert!(read(&home.path().join("none"), false).is_ok());
    }
}
