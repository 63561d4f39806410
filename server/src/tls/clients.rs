//! Certificates of agents: verified in the handshake, and again whenever authorities or revocation
//! lists have changed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use x509_parser::{extensions::GeneralName, parse_x509_certificate, prelude::X509Certificate};

/// What judges certificates of agents, replaced as a whole.
#[derive(Debug)]
pub(super) struct Clients {
    newest: ArcSwap<Arc<dyn ClientCertVerifier>>,
    /// Rises with every replacement.
    generation: AtomicU64,
}

impl Clients {
    pub(super) fn new(verifier: Arc<dyn ClientCertVerifier>) -> Self {
        Self {
            newest: ArcSwap::from_pointee(verifier),
            generation: AtomicU64::new(1),
        }
    }

    pub(super) fn replace(&self, verifier: Arc<dyn ClientCertVerifier>) {
        self.newest.store(Arc::new(verifier));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// As a listener asks for certificates.
    pub(super) fn verifier(self: &Arc<Self>, is_required: bool) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Asked {
            clients: Arc::clone(self),
            is_required,
        })
    }

    /// Whether a certificate is good by what is in force now. That is worked out once for each
    /// connection and replacement.
    pub(super) fn still_trusts(&self, certificate: &ClientCertificate) -> bool {
        let now = UnixTime::now();
        if now.as_secs() > certificate.ends_s {
            return false;
        }
        let generation = self.generation.load(Ordering::SeqCst);
        if certificate.judged_in.load(Ordering::Relaxed) == generation {
            return true;
        }
        let Some((own, above)) = certificate.chain.split_first() else {
            return false;
        };
        let is_good = self.newest.load().verify_client_cert(own, above, now).is_ok();
        if is_good {
            certificate.judged_in.store(generation, Ordering::Relaxed);
        }
        is_good
    }
}

/// The newest verifier, as rustls holds it.
#[derive(Debug)]
struct Asked {
    clients: Arc<Clients>,
    is_required: bool,
}

impl ClientCertVerifier for Asked {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // none: agents have one certificate, and authorities may change while a hint is read
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.clients.newest.load().verify_client_cert(own, above, now);
        if let Err(error) = &verified {
            let is_revoked = matches!(error, Error::InvalidCertificate(CertificateError::Revoked));
            tracing::debug!(%error, is_revoked, "a client certificate is refused");
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.newest.load().verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.newest.load().verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.newest.load().supported_verify_schemes()
    }
}

/// The certificate of a connection, which the handshake has verified.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    /// Attributes of its subject, and alternative names.
    names: Vec<(String, String)>,
    ends_s: u64,
    /// The generation of [`Clients`] that found it good last; none yet.
    judged_in: AtomicU64,
}

impl ClientCertificate {
    /// Of the chain that a client has shown. `None` where it makes no sense.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let own = parsed(chain.first()?)?;
        Some(Self {
            names: names(&own),
            ends_s: end(&own),
            chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
            judged_in: AtomicU64::new(0),
        })
    }

    /// Attributes of its subject, and alternative names.
    pub(crate) fn names(&self) -> &[(String, String)] {
        &self.names
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    parse_x509_certificate(certificate).ok().map(|(_, parsed)| parsed)
}

/// When a certificate ends, in seconds since the Unix epoch.
pub(super) fn end_of(certificate: &CertificateDer<'_>) -> Option<u64> {
    parsed(certificate).map(|parsed| end(&parsed))
}

fn end(certificate: &X509Certificate<'_>) -> u64 {
    u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or_default()
}

/// Names by the attributes that [`ClientSubject`](crate::config::ClientSubject) knows.
fn names(certificate: &X509Certificate<'_>) -> Vec<(String, String)> {
    const ATTRIBUTES: [(&str, &str); 7] = [
        ("2.5.4.3", "CN"),
        ("2.5.4.11", "OU"),
        ("2.5.4.10", "O"),
        ("2.5.4.7", "L"),
        ("2.5.4.8", "ST"),
        ("2.5.4.6", "C"),
        ("0.9.2342.19200300.100.1.1", "UID"),
    ];
    let mut names = Vec::new();
    for attribute in certificate.subject().iter_attributes() {
        let oid = attribute.attr_type().to_id_string();
        let known = ATTRIBUTES.iter().find(|(known, _)| *known == oid);
        if let (Some((_, name)), Ok(value)) = (known, attribute.as_str()) {
            names.push(((*name).to_owned(), value.to_owned()));
        }
    }
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        for name in &alternative.value.general_names {
            if let GeneralName::DNSName(name) = name {
                names.push(("DNS".to_owned(), (*name).to_owned()));
            } else if let GeneralName::URI(uri) = name {
                names.push(("URI".to_owned(), (*uri).to_owned()));
            }
        }
    }
    names
}
