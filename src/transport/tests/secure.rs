//! TLS: who is trusted, and what happens where nobody can be.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::server::{Received, Server, Step, reply};
use super::*;

/// A certificate authority of our own.
pub(super) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.certificate.pem().into_bytes()
    }

    /// Certificate and key for a name.
    fn issue(&self, name: &str) -> ClientCertificate {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        ClientCertificate { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }

    /// A server of that name, which speaks HTTP/1.1 unless told otherwise.
    pub(super) fn server(&self, name: &str) -> ServerConfig {
        self.server_with(name, rustls::DEFAULT_VERSIONS, false)
    }

    fn server_with(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
        ask_client: bool,
    ) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let own = self.issue(name);
        let chain = CertificateDer::pem_slice_iter(&own.chain).collect::<Result<_, _>>().expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(&own.key).expect("PEM");
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).expect("known");
        let builder = if ask_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        builder.with_single_cert(chain, key).expect("a pair")
    }
}

pub(super) fn ok(_: &Received) -> Vec<Step> {
    vec![reply(200, &[], b"secure")]
}

fn trusting(server: &Server, authority: &Authority) -> TransportSettings {
    let mut settings = settings(&server.secure_origin());
    settings.ca_bundle = Some(authority.pem());
    settings
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for versions in [&[&version::TLS13][..], &[&version::TLS12], &[&version::TLS12, &version::TLS13]] {
        let server = Server::start_tls(ours.server_with("localhost", versions, false), ok).await;
        let answer = transport(trusting(&server, &ours)).get(&changes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{versions:?}: {}", everything(&error)));
        assert_eq!(answer.body, b"secure", "{versions:?}");
    }
    let wrong_name = Server::start_tls(ours.server("example.com"), ok).await;
    let unknown = Server::start_tls(theirs.server("localhost"), ok).await;
    for server in [wrong_name, unknown] {
        let error = transport(trusting(&server, &ours)).get(&changes()).await.expect_err("not trusted");
        assert!(matches!(error, TransportError::Tls { .. }), "{}", everything(&error));
        assert!(error.explained().contains("invalid peer certificate"), "{}", error.explained());
        assert!(server.requests().is_empty(), "nothing is said to somebody unknown");
    }
}

#[tokio::test]
async fn without_roots_only_https_fails() {
    let plain = Server::start(ok).await;
    let authority = Authority::new();
    let secure = Server::start_tls(authority.server("localhost"), ok).await;
    let mut settings = settings(&plain.origin());
    settings.base_urls.events = secure.secure_origin();
    let transport = transport(settings);
    assert_eq!(transport.get(&changes()).await.expect("an answer").status, 200);
    let error = transport.post(&Call::to(Endpoint::Events), Bytes::new()).await.expect_err("no roots");
    assert!(matches!(error, TransportError::NoRoots { .. }), "{error:?}");
    let text = error.explained();
    assert!(text.contains("root certificates") && text.contains("caBundlePath"), "{text}");
    assert_eq!(secure.connections(), 0);
    assert_eq!(transport.get(&changes()).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_redirect_to_https_is_verified() {
    let authority = Authority::new();
    let secure = Server::start_tls(authority.server("localhost"), ok).await;
    let location = format!("{}/x", secure.secure_origin());
    let plain = Server::start(move |_| vec![reply(301, &[("location", &location)], b"")]).await;
    let error = transport(settings(&plain.origin())).get(&changes()).await.expect_err("no roots");
    assert!(matches!(error, TransportError::NoRoots { .. }), "{error:?}");
    let mut trusting = settings(&plain.origin());
    trusting.ca_bundle = Some(authority.pem());
    assert_eq!(transport(trusting).get(&changes()).await.expect("an answer").body, b"secure");
}

#[tokio::test]
async fn clients_can_identify_themselves() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server_with("localhost", rustls::DEFAULT_VERSIONS, true), ok).await;
    let mut settings = trusting(&server, &authority);
    settings.client_certificate = Some(authority.issue("client"));
    assert_eq!(transport(settings).get(&changes()).await.expect("an answer").body, b"secure");
    let error = transport(trusting(&server, &authority)).get(&changes()).await.expect_err("nobody");
    assert!(server.requests().len() == 1, "{}", everything(&error));
}

#[test]
fn unusable_certificates_are_refused_at_once() {
    let authority = Authority::new();
    let (one, other) = (authority.issue("one"), authority.issue("other"));
    let pair = |chain: &[u8], key: &[u8]| Some(ClientCertificate { chain: chain.to_vec(), key: key.to_vec() });
    let torn = &authority.pem()[..100];
    let cases = [
        ("no PEM", Some(b"rubbish".to_vec()), None, "caBundlePath"),
        ("a key for a bundle", Some(one.key.clone()), None, "caBundlePath"),
        ("torn PEM", Some(torn.to_vec()), None, "caBundlePath"),
        ("no chain", None, pair(b"", &one.key), "mtlsCertPath"),
        ("no key", None, pair(&one.chain, b""), "mtlsKeyPath"),
        ("the wrong key", None, pair(&one.chain, &other.key), "mtlsCertPath and mtlsKeyPath"),
    ];
    for (name, bundle, client, option) in cases {
        let mut settings = settings("https://localhost");
        settings.ca_bundle = bundle;
        settings.client_certificate = client;
        let made = Transport::new(settings, Box::new(Metered::default()), Arc::default(), &Logger::silent());
        let text = made.expect_err(name).to_string();
        assert!(text.contains(option), "{name}: {text}");
    }
}

/// The platform's roots, as the environment names them. A process cannot change its own environment safely, so the
/// test runs itself again.
#[tokio::test]
async fn ssl_cert_file_names_the_platforms_roots() {
    const CHILD: &str = "SPLITIO_TEST_ROOTS";
    if let Ok(origin) = std::env::var(CHILD) {
        let transport =
            Transport::new(settings(&origin), Box::new(Metered::default()), Arc::default(), &Logger::silent());
        match transport.expect("usable").get(&changes()).await {
            Ok(answer) => println!("answer {}", answer.status),
            Err(error) => println!("error {}", error.explained()),
        }
        return;
    }
    let authority = Authority::new();
    let directory = tempfile::tempdir().expect("a directory");
    let [ours, theirs, missing] = ["ours.pem", "theirs.pem", "missing.pem"].map(|name| directory.path().join(name));
    std::fs::write(&ours, authority.pem()).expect("written");
    std::fs::write(&theirs, Authority::new().pem()).expect("written");
    let server = Server::start_tls(authority.server("localhost"), ok).await;
    let name = "transport::tests::secure::ssl_cert_file_names_the_platforms_roots";
    for (file, want) in [(ours, "answer 200"), (missing, "no root certificates"), (theirs, "invalid peer certificate")]
    {
        let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
        child.args(["--exact", name, "--nocapture"]);
        child.env_clear().env("SSL_CERT_FILE", &file).env(CHILD, server.secure_origin());
        // What makes other programs trust anybody.
        child.envs([
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
            ("PYTHONHTTPSVERIFY", "0"),
            ("GIT_SSL_NO_VERIFY", "1"),
            ("CURL_CA_BUNDLE", ""),
            ("REQUESTS_CA_BUNDLE", ""),
        ]);
        // Elsewhere, for the server lives on this thread.
        let child = tokio::task::spawn_blocking(move || child.output()).await.expect("no panic").expect("ran");
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains(want), "{file:?}: {output}");
    }
}
