//! Certificates of the mail servers that tests make up, sound ones and others.

#![allow(dead_code)] // not every test shows every certificate

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// Whose certificate the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Its own, signed by the authority the client was told of.
    Its,
    /// One that signs itself and is an authority, as openssl makes it; the client is told of it.
    SignsItself,
    /// The same for another name.
    SignsItselfForAnotherName,
    /// The same, and it ran out in 2020.
    SignsItselfAndRanOut,
    /// One for another name.
    AnotherName,
    /// One of an authority nobody knows.
    Unknown,
}

/// A certificate of a new authority, as `shows` has it, with the authority the client is told of.
pub fn certificates(shows: Shows) -> (TlsAcceptor, String) {
    let authority = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "An authority of a test");
        if shows == Shows::SignsItselfAndRanOut {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        (params, KeyPair::generate().unwrap())
    };
    let name = match shows {
        Shows::AnotherName | Shows::SignsItselfForAnotherName => "mail.example.net",
        _ => "localhost",
    };
    let (params, key) = authority(&[name]);
    let certificate = params.self_signed(&key).unwrap();
    let told = certificate.pem();
    if matches!(
        shows,
        Shows::SignsItself | Shows::SignsItselfForAnotherName | Shows::SignsItselfAndRanOut
    ) {
        return (acceptor(&certificate, &key), told);
    }
    let issuer = if shows == Shows::Unknown {
        let (params, key) = authority(&[]);
        Issuer::new(params, key)
    } else {
        Issuer::new(params, key)
    };
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (acceptor(&certificate, &key), told)
}

fn acceptor(certificate: &Certificate, key: &KeyPair) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}
