//! TLS to Redis: who is trusted, and by which name.
//!
//! Verified unless `redisSslCertReqs` says `none`. The platform's roots are read for the first connection and not before,
//! and only where something is verified: plain Redis, and unverified, must work in an image that has none.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};
use rustls_native_certs::CertificateResult;

use super::socket::Socket;
use crate::config::{CertificateCheck, PemFile, RedisConfig};
use crate::transport::{Identity, SetupError, certificates, roots};

/// A socket with TLS on it.
pub(super) type TlsStream = StreamOwned<ClientConnection, Socket>;

/// What TLS is made of.
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    check: CertificateCheck,
    /// Trusted besides the platform's.
    own: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    /// Sent and verified instead of the host.
    name: Option<String>,
    /// Where the platform keeps its roots; a parameter, since a test cannot take them from the platform.
    platform: fn() -> CertificateResult,
    ready: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// TLS as the options want it; `None` when they do not.
    pub(super) fn of(config: &RedisConfig) -> Result<Option<Self>, SetupError> {
        config.ssl.then(|| Self::with_platform(config, rustls_native_certs::load_native_certs)).transpose()
    }

    fn with_platform(config: &RedisConfig, platform: fn() -> CertificateResult) -> Result<Self, SetupError> {
        let own = match &config.ssl_ca_certs {
            Some(file) => certificates("redisSslCaCerts", &file.contents)?,
            None => Vec::new(),
        };
        let identity = config.ssl_certfile.as_ref().map(|chain| identity(chain, config.ssl_keyfile.as_ref()));
        let tls = Tls {
            // Passed on explicitly: a default of the process would be a choice made for the host program.
            provider: Arc::new(ring::default_provider()),
            check: config.ssl_cert_reqs,
            own,
            identity: identity.transpose()?,
            name: config.ssl_server_name.clone(),
            platform,
            ready: OnceLock::new(),
        };
        // Whether key and certificate fit is seen here, not at the first connection.
        tls.config_for(RootCertStore::empty()).map_err(|source| match tls.identity {
            Some(_) => SetupError::ClientCertificate { options: "redisSslCertfile and redisSslKeyfile", source },
            None => SetupError::Tls(source),
        })?;
        Ok(tls)
    }

    /// Shakes hands, until the socket's deadline. `host` is whom the socket leads to.
    pub(super) fn connect(&self, host: &str, mut socket: Socket) -> io::Result<TlsStream> {
        let name = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("no certificate can be for {name:?}")))?;
        let mut connection = ClientConnection::new(self.config()?, name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(explained)?;
        }
        Ok(StreamOwned::new(connection, socket))
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.ready.get() {
            return Ok(Arc::clone(config));
        }
        let roots = match self.check {
            CertificateCheck::None => RootCertStore::empty(),
            CertificateCheck::Required => roots(self.platform, &self.own).map_err(|problem| {
                let why = problem.map(|problem| format!(" ({problem})")).unwrap_or_default();
                io::Error::other(format!(
                    "no root certificates on this system to verify it with{why}; install them (package \
                     ca-certificates) or set the option redisSslCaCerts"
                ))
            })?,
        };
        let config = Arc::new(self.config_for(roots).map_err(io::Error::other)?);
        Ok(Arc::clone(self.ready.get_or_init(|| config)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one verifier trusts more only by an option, the other what it names"
    )]
    fn config_for(&self, roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let builder = match self.check {
            // Of no roots at all, as when the options are tried, no verifier can be made.
            CertificateCheck::Required if roots.is_empty() => builder.with_root_certificates(roots),
            CertificateCheck::Required => {
                let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
                let chains = chains.build().map_err(|error| rustls::Error::General(error.to_string()))?;
                let verifier = Arc::new(ChainOrSelf { chains, own: self.own.clone() });
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
            CertificateCheck::None => {
                let anyone = Arc::new(Anyone { schemes: self.provider.signature_verification_algorithms });
                builder.dangerous().with_custom_certificate_verifier(anyone)
            }
        };
        Identity::present(self.identity.as_ref(), builder)
    }
}

/// Says of a handshake that nobody took part in what is usually the matter. A plain Redis waits for the end of a line,
/// or complains of what it has read of it.
fn explained(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let is_foreign = matches!(cause, Some(rustls::Error::InvalidMessage(_)));
    if is_foreign || error.kind() == io::ErrorKind::TimedOut {
        return io::Error::new(error.kind(), "it does not answer in TLS, which redisSsl asks for");
    }
    error
}

fn identity(chain: &PemFile, key: Option<&PemFile>) -> Result<Identity, SetupError> {
    let key = key.map_or(("redisSslCertfile", &*chain.contents), |key| ("redisSslKeyfile", &*key.contents));
    Identity::parse(("redisSslCertfile", &chain.contents), key)
}

/// Verifies chains, and takes a server's certificate that is itself one of redisSslCaCerts, as OpenSSL does: what
/// `openssl req -x509` makes is its own authority, and alone for that refused by rustls.
#[derive(Debug)]
struct ChainOrSelf {
    chains: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl ChainOrSelf {
    fn is_own(&self, certificate: &CertificateDer<'_>, refusal: &rustls::Error) -> bool {
        // The only complaint: it comes after the one about its dates. rustls does not export its type; tests hold the text.
        let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = refusal else { return false };
        other.0.to_string() == "CaUsedAsEndEntity" && self.own.iter().any(|own| **own == **certificate)
    }
}

impl ServerCertVerifier for ChainOrSelf {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.chains.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(refusal) if self.is_own(certificate, &refusal) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Trusts whoever answers, as `redisSslCertReqs` `none` demands.
#[derive(Debug)]
struct Anyone {
    schemes: rustls::crypto::WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::config::Settings;

    fn nowhere() -> CertificateResult {
        CertificateResult::default()
    }

    #[test]
    fn b16_without_root_certificates() {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["redis.internal".to_owned()]).expect("a name");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), params.self_signed(&key).expect("a certificate").pem()).expect("a certificate");
        let ca = format!(r#", "redisSslCaCerts": {:?}"#, file.path());
        for (more, works) in [("", false), (r#", "redisSslCertReqs": "none""#, true), (&*ca, true)] {
            let mut settings = Settings::new();
            let json = format!(r#"{{"redisHost": "h", "redisSsl": true{more}}}"#);
            settings.merge_json(&json).expect("options");
            let config = settings.resolve(false).expect("a configuration").0.redis;
            let tls = Tls::with_platform(&config, nowhere).expect("options of TLS that can be used");
            match tls.config() {
                Ok(_) => assert!(works, "{more}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        !works && text.contains("no root certificates") && text.contains("redisSslCaCerts"),
                        "{text}"
                    );
                }
            }
        }
    }
}
