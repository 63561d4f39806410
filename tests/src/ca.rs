//! A certificate authority for a test: its own, so that another test's authority is a foreign one.

use std::{io, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// An authority that exists as long as a test.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PEM.
    pub key_pem: String,
    /// Its number, by which it is revoked.
    serial: Vec<u8>,
}

impl Ca {
    /// Makes an authority.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn new(name: &str) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// The authority's own certificate, for a client's `ca_file`.
    #[must_use]
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Issues a certificate to a name or an address, for servers and clients alike.
    ///
    /// # Errors
    /// Where `name` can be no name of a host.
    pub fn issue(&self, name: &str) -> io::Result<Identity> {
        self.issue_until(name, None)
    }

    /// Revokes these certificates: a list in PEM.
    ///
    /// # Errors
    /// Where no list can be made.
    pub fn revoke(&self, identities: &[&Identity]) -> io::Result<String> {
        let revoked = |identity: &&Identity| RevokedCertParams {
            serial_number: SerialNumber::from(identity.serial.clone()),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: identities.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).map_err(io::Error::other)?;
        list.pem().map_err(io::Error::other)
    }

    /// Issues a certificate that ends with the beginning of a year, or not soon.
    fn issue_until(&self, name: &str, year: Option<i32>) -> io::Result<Identity> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(year) = year {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
        params.distinguished_name.push(DnType::CommonName, name);
        // the key is random: so is its beginning, after what says that it is one
        let serial: Vec<u8> = key
            .public_key_raw()
            .iter()
            .skip(1)
            .take(8)
            .map(|byte| byte & 0x7f)
            .collect();
        params.serial_number = Some(SerialNumber::from(serial.clone()));
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            serial,
        })
    }

    /// TLS for a server on 127.0.0.1 that would rather speak HTTP/2 than HTTP/1.1.
    ///
    /// # Errors
    /// Where no certificate can be issued.
    pub fn server(&self) -> io::Result<ServerConfig> {
        Self::configure(&self.issue("127.0.0.1")?, None)
    }

    /// As [`server`](Self::server), and it asks clients for a certificate of `clients`.
    ///
    /// # Errors
    /// Where no certificate can be issued.
    pub fn server_asking(&self, clients: &Self) -> io::Result<ServerConfig> {
        Self::configure(&self.issue("127.0.0.1")?, Some(clients))
    }

    /// As [`server`](Self::server), under another name.
    ///
    /// # Errors
    /// Where no certificate can be issued.
    pub fn server_for(&self, name: &str) -> io::Result<ServerConfig> {
        Self::configure(&self.issue(name)?, None)
    }

    /// As [`server`](Self::server), with a certificate that ended long ago.
    ///
    /// # Errors
    /// Where no certificate can be issued.
    pub fn server_expired(&self) -> io::Result<ServerConfig> {
        Self::configure(&self.issue_until("127.0.0.1", Some(2001))?, None)
    }

    fn configure(identity: &Identity, clients: Option<&Self>) -> io::Result<ServerConfig> {
        let chain = vec![pem(CertificateDer::from_pem_slice(
            identity.certificate_pem.as_bytes(),
        ))?];
        let key = pem(PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.certificate.der().clone()).map_err(io::Error::other)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn pem<T>(read: Result<T, rustls::pki_types::pem::Error>) -> io::Result<T> {
    read.map_err(|error| io::Error::other(error.to_string()))
}
