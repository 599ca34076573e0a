//! TLS: who is trusted.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::Program;
use crate::redis::fake::{connected, refused};

/// Writes an authority, and certificates of it for a server called "redis.internal" and for a client.
fn certificates(directory: &Path) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, "our authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let write = |name: &str, text: String| fs::write(directory.join(name), text).expect("a file");
    write("ca.pem", authority.pem());
    // As `openssl req -x509` makes it: its own authority.
    for (file, name) in [("self", "redis.internal"), ("other", "other.internal")] {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, file);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        write(&format!("{file}.pem"), params.self_signed(&key).expect("a certificate").pem());
        write(&format!("{file}.key"), key.serialize_pem());
    }
    for name in ["redis.internal", "client"] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        write(&format!("{name}.pem"), certificate.pem());
        write(&format!("{name}.key"), key.serialize_pem());
        write(&format!("{name}.both"), certificate.pem() + &key.serialize_pem());
    }
}

/// A server with the certificate in a file.
fn served(directory: &Path, name: &str, more: &str) -> Program {
    let path = directory.display();
    let port = super::port();
    let options = format!(
        "port 0\ntls-port {port}\ntls-cert-file {path}/{name}.pem\ntls-key-file {path}/{name}.key\n\
         tls-ca-cert-file {path}/ca.pem\n{more}"
    );
    Program::run(port, &[], &options)
}

#[test]
fn verified_unless_told_otherwise() {
    let files = tempfile::tempdir().expect("a directory");
    certificates(files.path());
    let server = served(files.path(), "redis.internal", "tls-auth-clients no");
    let ca = format!(r#", "redisSslCaCerts": "{}/ca.pem""#, files.path().display());
    let options =
        |more: &str| format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {}, "redisSsl": true{more}}}"#, server.port);
    let named = r#", "redisSslServerName": "redis.internal""#;
    for more in [
        format!("{ca}{named}"),
        format!(r#"{ca}{named}, "redisSslCertReqs": "optional""#),
        r#", "redisSslCertReqs": "none""#.to_owned(),
    ] {
        let redis = connected(&options(&more));
        let id: i64 = redis.read("CLIENT ID").expect("a number");
        for size in [1, 100, 3_000_000] {
            assert_eq!(redis.write(&format!("RPUSH l {}", "x".repeat(size))), Ok(1), "{more}");
            assert_eq!(redis.read("LINDEX l 0").map(|text: String| text.len()), Ok(size), "{more}");
            assert_eq!(redis.write("DEL l"), Ok(1), "{more}");
        }
        // Tickets that come after the handshake do not make a connection at rest look broken.
        assert_eq!(redis.read("CLIENT ID"), Ok(id), "{more}");
    }
    for (more, message) in [
        (named.to_owned(), "UnknownIssuer"),
        (ca.clone(), "not valid for name"),
        (format!(r#"{ca}, "redisSslServerName": "other.internal""#), "not valid for name"),
    ] {
        let error = refused(&options(&more));
        assert!(
            error.starts_with("cannot connect to Redis at 127.0.0.1:") && error.contains(message),
            "{more}: {error}"
        );
    }
    let error = refused(&format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {}}}"#, server.port));
    // Its complaint is lost when the end of the connection overtakes it.
    let is_told = error.ends_with("or one with TLS?") || error.starts_with("cannot connect to Redis at 127.0.0.1:");
    assert!(is_told, "{error}");
    let plain = Program::start("");
    let error = refused(&format!(
        r#"{{"redisHost": "127.0.0.1", "redisPort": {}, "redisSsl": true, "redisSocketConnectTimeout": 0.2}}"#,
        plain.port
    ));
    assert!(error.ends_with(": it does not answer in TLS, which redisSsl asks for"), "{error}");
}

#[test]
fn a_certificate_that_is_its_own_authority() {
    let files = tempfile::tempdir().expect("a directory");
    certificates(files.path());
    let server = served(files.path(), "self", "tls-auth-clients no");
    let path = files.path().display();
    let options = |authority: &str, name: &str| {
        format!(
            r#"{{"redisHost": "127.0.0.1", "redisPort": {}, "redisSsl": true, "redisSslServerName": "{name}",
               "redisSslCaCerts": "{path}/{authority}.pem"}}"#,
            server.port
        )
    };
    assert_eq!(connected(&options("self", "redis.internal")).write("RPUSH l a"), Ok(1));
    for (authority, name, message) in [
        ("self", "other.internal", "not valid for name"),
        ("ca", "redis.internal", "CaUsedAsEndEntity"),
        ("other", "redis.internal", "CaUsedAsEndEntity"),
    ] {
        let error = refused(&options(authority, name));
        assert!(error.contains(message), "{authority} {name}: {error}");
    }
}

#[test]
fn a_server_that_wants_a_client_certificate() {
    let files = tempfile::tempdir().expect("a directory");
    certificates(files.path());
    let server = served(files.path(), "redis.internal", "tls-auth-clients yes");
    let path = files.path().display();
    let options = |more: &str| {
        format!(
            r#"{{"redisHost": "127.0.0.1", "redisPort": {}, "redisSsl": true, "redisSslCaCerts": "{path}/ca.pem",
               "redisSslServerName": "redis.internal"{more}}}"#,
            server.port
        )
    };
    for more in [
        format!(r#", "redisSslCertfile": "{path}/client.pem", "redisSslKeyfile": "{path}/client.key""#),
        format!(r#", "redisSslCertfile": "{path}/client.both""#),
    ] {
        assert_eq!(connected(&options(&more)).write("RPUSH l a").map(|length: i64| length > 0), Ok(true), "{more}");
    }
    let error = refused(&options(""));
    assert!(error.starts_with("cannot connect to Redis at 127.0.0.1:"), "{error}");
    for (more, message) in [
        (format!(r#", "redisSslCertfile": "{path}/client.pem""#), "option redisSslCertfile: not readable as PEM"),
        (
            format!(r#", "redisSslCertfile": "{path}/client.pem", "redisSslKeyfile": "{path}/redis.internal.key""#),
            "options redisSslCertfile and redisSslKeyfile: certificate and key cannot be used",
        ),
        (
            format!(r#", "redisSslCertfile": "{path}/client.key", "redisSslKeyfile": "{path}/client.key""#),
            "option redisSslCertfile: no certificate in PEM form in it",
        ),
    ] {
        assert_eq!(refused(&options(&more)), message, "{more}");
    }
}
