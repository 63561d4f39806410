//! The files of `[tls]`: read as a whole, compared by content, taken apart.

use std::{fs, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{Named, provider};
use crate::config;

/// What stands in the files, to be compared with what stood there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    cert: Vec<u8>,
    key: Key,
    client_ca: Option<Vec<u8>>,
    crl: Option<Vec<u8>>,
}

/// A private key, which never shows itself.
#[derive(Clone, PartialEq, Eq)]
struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Files {
    /// Reads them.
    pub(super) fn read(named: &config::Tls) -> Result<Self, String> {
        let optional = |key, path: &Option<_>| path.as_ref().map(|path| bytes((key, path))).transpose();
        Ok(Self {
            cert: bytes(("cert", &named.cert))?,
            key: Key(bytes(("key", &named.key))?),
            client_ca: optional("client_ca", &named.client_ca)?,
            crl: optional("crl", &named.crl)?,
        })
    }

    /// The server's certificate and its private key.
    pub(super) fn own(
        &self,
        named: &config::Tls,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain = certificates(("cert", &named.cert), &self.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.0)
            .map_err(|error| unusable(("key", &named.key), "private key", &error))?;
        Ok((chain, key))
    }

    /// What judges certificates of agents, if they are asked for any.
    pub(super) fn clients(&self, named: &config::Tls) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let (Some(path), Some(bytes)) = (&named.client_ca, &self.client_ca) else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(("client_ca", path), bytes)? {
            roots.add(certificate).map_err(|error| {
                format!(
                    "client_ca: found in {} no authority's certificate ({error})",
                    path.display()
                )
            })?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        if let (Some(path), Some(bytes)) = (&named.crl, &self.crl) {
            let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
                .collect::<Result<_, _>>()
                .map_err(|error| unusable(("crl", path), "revocation list", &error))?;
            if lists.is_empty() {
                return Err(unusable(("crl", path), "revocation list", &pem::Error::NoItemsFound));
            }
            builder = builder.with_crls(lists);
        }
        let verifier = builder
            .build()
            .map_err(|error| format!("client_ca, crl: the two cannot be used together ({error})"))?;
        Ok(Some(verifier))
    }
}

fn bytes((key, path): Named<'_>) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{key}: found {}, which cannot be read: {error}", path.display()))
}

fn certificates(named: Named<'_>, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(named, "certificate", &error))?;
    if found.is_empty() {
        return Err(unusable(named, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(found)
}

/// Says what is missing. Nothing of a file is ever repeated: it may be the private key's.
fn unusable((key, path): Named<'_>, what: &str, error: &pem::Error) -> String {
    let path = path.display();
    if matches!(error, pem::Error::NoItemsFound) {
        format!("{key}: found no {what} in {path}, allowed is PEM (-----BEGIN …)")
    } else {
        format!("{key}: found in {path} what is not PEM, allowed is a {what} in PEM (-----BEGIN …)")
    }
}
