//! Whom the agent believes and who it is: rustls with ring, named outright, so that no process-wide default is read or set.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::options::{Options, Roots};

/// The one protocol offered in the handshake: awc's HTTP/2 has an open advisory, and a conversation of one exchange at a time
/// gains nothing from it.
const PROTOCOL: &[u8] = b"http/1.1";

/// The TLS settings for every connection.
///
/// # Errors
/// Says why no authority could be had from the system.
pub(crate) fn configuration(options: &Options) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(options)?);
    let mut config = match &options.client {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity)))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(options: &Options) -> Result<RootCertStore, String> {
    let mut roots = options.authorities.clone();
    match options.roots {
        Roots::File => {}
        Roots::Webpki => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::System => add_system_roots(&mut roots, options.kind)?,
    }
    Ok(roots)
}

/// Adds what the system trusts. A system without any is no failure where the operator named an authority.
fn add_system_roots(roots: &mut RootCertStore, kind: &str) -> Result<(), String> {
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(());
    }
    let reason = found
        .errors
        .first()
        .map(|error| format!(" ({error})"))
        .unwrap_or_default();
    Err(format!(
        "no certificate authorities on this system{reason}; \
         set roots = \"webpki\" or ca_file in [transport.{kind}]"
    ))
}

/// Reads the authorities that an operator named.
///
/// # Errors
/// Says, with the file's name, why it holds none.
pub(crate) fn read_authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in {} that is no authority's: {error}", file.display()))?;
    }
    Ok(roots)
}

/// Which of the two files of an identity cannot be used, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdentityProblem {
    /// The certificate's.
    Certificate(String),
    /// The key's.
    Key(String),
}

/// Reads the agent's certificate and its private key.
///
/// # Errors
/// Says, with the file's name, why it cannot be used. Nothing of the key is ever repeated.
pub(crate) fn read_identity(certificate: &Path, key: &Path) -> Result<CertifiedKey, IdentityProblem> {
    let chain = read_certificates(certificate).map_err(IdentityProblem::Certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| IdentityProblem::Key(file_problem("private key", key, &error)))?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            IdentityProblem::Key(format!("a key that is not the certificate's in {key}"))
        } else if let rustls::Error::InvalidCertificate(reason) = error {
            IdentityProblem::Certificate(format!("an invalid certificate in {certificate}: {reason:?}"))
        } else {
            IdentityProblem::Key(format!("a private key of an unknown kind in {key}"))
        }
    })
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| file_problem("certificate", file, &error))?;
    if certificates.is_empty() {
        return Err(file_problem("certificate", file, &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn file_problem(what: &str, file: &Path, error: &pem::Error) -> String {
    let file = file.display();
    if matches!(error, pem::Error::NoItemsFound) {
        format!("no {what} in {file}")
    } else if let pem::Error::Io(error) = error {
        format!("{file}, which cannot be read: {error}")
    } else {
        format!("{file}, which is not PEM")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_1_is_offered() {
        let options = Options {
            roots: Roots::Webpki,
            ..Options::new("test")
        };
        assert_eq!(configuration(&options).unwrap().alpn_protocols, [b"http/1.1"]);
    }

    #[test]
    fn no_provider_is_set_for_the_process() {
        let options = Options {
            roots: Roots::Webpki,
            ..Options::new("test")
        };
        configuration(&options).unwrap();
        assert!(CryptoProvider::get_default().is_none());
    }

    #[test]
    fn the_roots_are_those_asked_for() {
        let mozilla = roots(&Options {
            roots: Roots::Webpki,
            ..Options::new("test")
        })
        .unwrap();
        let none = roots(&Options {
            roots: Roots::File,
            ..Options::new("test")
        })
        .unwrap();
        assert_eq!((mozilla.len(), none.len()), (webpki_roots::TLS_SERVER_ROOTS.len(), 0));
    }
}
