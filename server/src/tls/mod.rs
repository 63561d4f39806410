//! TLS on the listeners: the server's certificate, what agents' certificates are judged by, and
//! both read again when their files change.
//!
//! rustls with ring, named outright, as everywhere. Connections take the newest certificate from
//! [`Tls`] without a lock; those that are open go on.

mod clients;
mod files;

use std::{fmt, path::PathBuf, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::UnixTime,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};

pub(crate) use self::clients::ClientCertificate;
use self::{clients::Clients, files::Files};
use crate::config;

/// What is said about a certificate that ends soon, in seconds before its end: two weeks, in which
/// one that is renewed by itself has been renewed twice over.
const ENDS_SOON_S: u64 = 14 * 24 * 3_600;

/// Certificates in force.
#[derive(Debug)]
pub(crate) struct Tls {
    named: config::Tls,
    own: Arc<Own>,
    clients: Option<Arc<Clients>>,
    /// The files that are in force, or were refused: another content is judged once. None while
    /// they cannot be read.
    judged: ArcSwapOption<Files>,
    /// What was seen last: a file that differs from one turn to the next is still being written.
    seen: ArcSwap<Files>,
    problem: ArcSwapOption<String>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Which of them cannot be used, and why.
    pub(crate) fn load(named: &config::Tls) -> Result<Self, String> {
        let files = Files::read(named)?;
        let own = own(named, &files)?;
        let clients = files.clients(named)?.map(|verifier| Arc::new(Clients::new(verifier)));
        let tls = Self {
            named: named.clone(),
            own: Arc::new(Own(ArcSwap::from_pointee(own))),
            clients,
            judged: ArcSwapOption::from_pointee(files.clone()),
            seen: ArcSwap::from_pointee(files),
            problem: ArcSwapOption::empty(),
        };
        tls.warn_of_end();
        Ok(tls)
    }

    /// What a listener speaks: with certificates of agents where `asks_clients`.
    ///
    /// # Errors
    /// Where the provider lacks what rustls needs.
    pub(crate) fn listener(&self, asks_clients: bool) -> Result<ServerConfig, String> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let clients = self.clients.as_ref().filter(|_| asks_clients);
        let own: Arc<dyn ResolvesServerCert> = Arc::clone(&self.own) as _;
        let Some(clients) = clients else {
            return Ok(builder.with_no_client_auth().with_cert_resolver(own));
        };
        let asked = clients.verifier(self.named.client_required);
        let mut config = builder.with_client_cert_verifier(asked).with_cert_resolver(own);
        // a session that is resumed shows no certificate again: one that was revoked meanwhile
        // would be believed
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Whether a certificate that was good when its connection began still is.
    pub(crate) fn still_trusts(&self, certificate: &ClientCertificate) -> bool {
        let clients = self.clients.as_ref();
        clients.is_some_and(|clients| clients.still_trusts(certificate))
    }

    /// Looks at the files, and puts in force what has changed. Returns whether others are in force:
    /// whom they no longer admit has to go. What cannot be used leaves what was there before.
    pub(crate) fn refresh(&self) -> bool {
        let files = match Files::read(&self.named) {
            Ok(files) => files,
            Err(reason) => {
                // what is there again is judged again, also where it is the same
                self.judged.store(None);
                self.refuse(&reason);
                return false;
            }
        };
        let before = self.seen.swap(Arc::new(files.clone()));
        if files != *before || self.judged.load().as_deref() == Some(&files) {
            return false;
        }
        self.judged.store(Some(Arc::new(files.clone())));
        let adopted = own(&self.named, &files).and_then(|own| Ok((own, files.clients(&self.named)?)));
        match adopted {
            Ok((own, clients)) => {
                self.own.0.store(Arc::new(own));
                if let (Some(held), Some(clients)) = (&self.clients, clients) {
                    held.replace(clients);
                }
                self.problem.store(None);
                tracing::info!(cert = %self.named.cert.display(), "read the changed certificates");
                self.warn_of_end();
                true
            }
            Err(reason) => {
                self.refuse(&reason);
                false
            }
        }
    }

    fn refuse(&self, reason: &str) {
        let is_known = self.problem.load().as_ref().is_some_and(|known| **known == reason);
        if !is_known {
            tracing::error!("[tls] {reason}: what was there before stays in force");
            self.problem.store(Some(Arc::new(reason.to_owned())));
        }
    }

    /// Why the files as they are now are not in force.
    pub(crate) fn problem(&self) -> Option<Arc<String>> {
        self.problem.load_full()
    }

    /// When the server's certificate ends, in seconds since the Unix epoch.
    pub(crate) fn ends_s(&self) -> Option<u64> {
        let own = self.own.0.load();
        clients::end_of(own.cert.first()?)
    }

    fn warn_of_end(&self) {
        let now = UnixTime::now().as_secs();
        if let Some(left_s) = self.ends_s().map(|end| end.saturating_sub(now))
            && left_s < ENDS_SOON_S
        {
            let days = left_s / (24 * 3_600);
            tracing::warn!(cert = %self.named.cert.display(), days, "the server's certificate ends soon");
        }
    }
}

fn own(named: &config::Tls, files: &Files) -> Result<CertifiedKey, String> {
    let (chain, key) = files.own(named)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        let (cert, key) = (named.cert.display(), named.key.display());
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            format!("key: found in {key} a key that is not the certificate's, allowed is the one of {cert}")
        } else if let rustls::Error::InvalidCertificate(reason) = error {
            format!("cert: found in {cert} an invalid certificate ({reason:?})")
        } else {
            format!("key: found in {key} a private key of an unknown kind, allowed are RSA, ECDSA and Ed25519")
        }
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The server's certificate, as connections take it.
struct Own(ArcSwap<CertifiedKey>);

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own(…)")
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// A file's key and path, as errors name them.
type Named<'a> = (&'static str, &'a PathBuf);
