//! Encrypted connections. As in libpq, `sslmode` in the address decides:
//!
//! | `sslmode` | the connection |
//! | --- | --- |
//! | `disable` | is not encrypted |
//! | `prefer` (where nothing is said) | is encrypted where the server can; whose certificate it shows is not looked at |
//! | `require`, `verify-ca`, `verify-full` | is encrypted, and the certificate is valid for the host. libpq's `require` does not look; ours does |
//!
//! Certificates are signed by one of the system's authorities, or by one in the file that `sslrootcert` in the address or `PGSSLROOTCERT` names.
//! Sockets of the same machine are never encrypted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Error;

/// The variable that names a file of authorities, as libpq has it.
const ROOTS_VARIABLE: &str = "PGSSLROOTCERT";

/// The files of authorities that addresses have named. They are this process's, as the system's are the machine's.
static NAMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// What connects with encryption where an address asks for it.
///
/// # Errors
/// HW0507 where a file of authorities cannot be read.
pub fn tls(config: &Config) -> Result<MakeRustlsConnect, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS 1.2 and 1.3 need");
    let client = match config.get_ssl_mode() {
        SslMode::Require => builder.with_root_certificates(roots()?).with_no_client_auth(),
        _ => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(client))
}

/// Forgets the files of authorities that addresses have named.
pub fn forget_authorities() {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn roots() -> Result<RootCertStore, Error> {
    let mut files = NAMED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    files.extend(std::env::var_os(ROOTS_VARIABLE).filter(|value| value != "system").map(PathBuf::from));
    let mut store = RootCertStore::empty();
    if files.is_empty() {
        // What the system has and cannot be read is as good as not there: then no certificate is valid.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for file in files {
        read(&file, &mut store).map_err(|reason| Error::Authorities { file, reason })?;
    }
    Ok(store)
}

fn read(file: &Path, store: &mut RootCertStore) -> Result<(), String> {
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
        found += 1;
    }
    if found == 0 { Err("there is no certificate in it".to_owned()) } else { Ok(()) }
}

/// An address without what the client library does not know: `sslmode=verify-ca` and `verify-full` become `require`, and the file that `sslrootcert` names
/// is remembered. `target_session_attrs=primary` and `standby` become `read-write` and `read-only`.
pub(crate) fn understood(address: &str) -> String {
    let (head, parameters, mark) = match address.split_once('?') {
        Some((head, query)) if head.contains("://") => (head, query.split('&').collect::<Vec<_>>(), '&'),
        // In quoted values there may be blanks: then it stays as it is.
        _ if address.contains("://") || address.contains('\'') => return address.to_owned(),
        _ => ("", address.split_whitespace().collect(), ' '),
    };
    let kept: Vec<_> = parameters.into_iter().filter_map(|parameter| known(parameter, mark == '&')).collect();
    let kept = kept.join(&mark.to_string());
    match head {
        "" => kept,
        _ if kept.is_empty() => head.to_owned(),
        _ => format!("{head}?{kept}"),
    }
}

fn known(parameter: &str, is_url: bool) -> Option<String> {
    match parameter.split_once('=') {
        Some(("sslmode", "verify-ca" | "verify-full")) => Some("sslmode=require".to_owned()),
        Some(("target_session_attrs", "primary")) => Some("target_session_attrs=read-write".to_owned()),
        Some(("target_session_attrs", "standby")) => Some("target_session_attrs=read-only".to_owned()),
        Some(("sslrootcert", file)) => {
            let file = if is_url {
                percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned()
            } else {
                file.to_owned()
            };
            if file != "system" {
                NAMED.lock().unwrap_or_else(PoisonError::into_inner).insert(file.into());
            }
            None
        }
        _ => Some(parameter.to_owned()),
    }
}

/// Takes every certificate. Whoever listens on the way could show one of their own; whoever minds says `sslmode=require`.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::understood;

    #[test]
    fn an_address_keeps_what_the_library_knows() {
        for (address, expected) in [
            (
                "postgresql://u:p@h:1/d?sslmode=verify-full&sslrootcert=%2Fca%20.pem",
                "postgresql://u:p@h:1/d?sslmode=require",
            ),
            ("postgres://h/d?sslrootcert=system", "postgres://h/d"),
            ("postgres://h/d?application_name=a&sslmode=prefer", "postgres://h/d?application_name=a&sslmode=prefer"),
            ("host=h sslmode=verify-ca sslrootcert=/ca.pem dbname=d", "host=h sslmode=require dbname=d"),
            ("host=a,b port=1,2 target_session_attrs=primary", "host=a,b port=1,2 target_session_attrs=read-write"),
            ("postgres://a,b/d?target_session_attrs=standby", "postgres://a,b/d?target_session_attrs=read-only"),
            ("host=h password='a b'", "host=h password='a b'"),
            ("postgres://h/d", "postgres://h/d"),
        ] {
            assert_eq!(understood(address), expected, "{address}");
        }
    }
}
