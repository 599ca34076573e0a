//! Who is trusted, and how connections are encrypted.
//!
//! Slim container images have no root certificates. Those are therefore looked for when the first `https` URL is used
//! and not before: plain `http` never fails for lack of them. What the options name is parsed at construction, where
//! an error can still be shown to somebody.

use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_native_certs::CertificateResult;

use super::error::SetupError;
use super::settings::{ClientCertificate, TransportSettings};

/// What TLS is made of.
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    bundle: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    /// Where the platform keeps its roots; a parameter, since a test cannot take them from the platform.
    platform: fn() -> CertificateResult,
    ready: OnceLock<ClientConfig>,
}

/// A client certificate.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no TLS.
#[derive(Debug)]
pub(super) enum TlsUnavailable {
    /// Neither the platform nor `caBundlePath` gave a root certificate; the platform may have said why.
    NoRoots(Option<rustls_native_certs::Error>),
    Refused(rustls::Error),
}

impl Tls {
    pub(super) fn new(settings: &TransportSettings) -> Result<Self, SetupError> {
        Self::with_platform(settings, rustls_native_certs::load_native_certs)
    }

    pub(super) fn with_platform(
        settings: &TransportSettings,
        platform: fn() -> CertificateResult,
    ) -> Result<Self, SetupError> {
        // Passed on explicitly: a default of the process would be a choice made for the host program.
        let provider = Arc::new(ring::default_provider());
        let bundle = match &settings.ca_bundle {
            Some(pem) => certificates("caBundlePath", pem)?,
            None => Vec::new(),
        };
        let parse = |pem: &ClientCertificate| Identity::parse(("mtlsCertPath", &pem.chain), ("mtlsKeyPath", &pem.key));
        let identity = settings.client_certificate.as_ref().map(parse).transpose()?;
        let tls = Tls { provider, bundle, identity, platform, ready: OnceLock::new() };
        // Whether key and certificate fit is seen here, not in the middle of the night.
        tls.config_for(RootCertStore::empty()).map_err(|problem| match tls.identity {
            Some(_) => SetupError::ClientCertificate { options: "mtlsCertPath and mtlsKeyPath", source: problem },
            None => SetupError::Tls(problem),
        })?;
        Ok(tls)
    }

    /// For `https`. Reads the platform's roots when it is called for the first time: some milliseconds.
    pub(super) fn config(&self) -> Result<ClientConfig, TlsUnavailable> {
        if let Some(config) = self.ready.get() {
            return Ok(config.clone());
        }
        let roots = roots(self.platform, &self.bundle).map_err(TlsUnavailable::NoRoots)?;
        let config = self.config_for(roots).map_err(TlsUnavailable::Refused)?;
        Ok(self.ready.get_or_init(|| config).clone())
    }

    /// For clients that are used for plain `http` only: reqwest wants a configuration even so. It trusts nobody.
    pub(super) fn unused(&self) -> Result<ClientConfig, rustls::Error> {
        self.config_for(RootCertStore::empty())
    }

    fn config_for(&self, roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_root_certificates(roots);
        let mut config = Identity::present(self.identity.as_ref(), builder)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Identity {
    /// Reads chain and key, each with the name of the option that it comes from.
    pub(crate) fn parse(chain: (&'static str, &[u8]), key: (&'static str, &[u8])) -> Result<Self, SetupError> {
        let (option, pem) = key;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|source| SetupError::Pem { option, source })?;
        Ok(Identity { chain: certificates(chain.0, chain.1)?, key })
    }

    /// Completes a configuration, with a client certificate if there is one.
    pub(crate) fn present(
        identity: Option<&Self>,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, rustls::Error> {
        match identity {
            Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()),
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

/// The platform's roots and one's own. Without any: maybe what the platform says about it.
pub(crate) fn roots(
    platform: fn() -> CertificateResult,
    own: &[CertificateDer<'static>],
) -> Result<RootCertStore, Option<rustls_native_certs::Error>> {
    let CertificateResult { certs, mut errors, .. } = platform();
    let mut roots = RootCertStore::empty();
    // Platforms keep some that nobody can parse; that is no reason to trust none.
    roots.add_parsable_certificates(certs);
    roots.add_parsable_certificates(own.iter().cloned());
    if roots.is_empty() { Err(errors.pop()) } else { Ok(roots) }
}

/// The certificates in the text of an option; an error if there is none.
pub(crate) fn certificates(option: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| SetupError::Pem { option, source })?;
    if certificates.is_empty() {
        return Err(SetupError::NoCertificate { option });
    }
    Ok(certificates)
}
