//! The keys and certificates for the mutual TLS between sidecars, made anew for every run.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::MeshError;
use super::topology::NAMESPACE;

/// How long certificates are good for.
const GOOD_FOR_DAYS: i64 = 90;

/// The authority that signs for the mesh.
#[expect(missing_debug_implementations, reason = "it holds a key")]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// The files that an Envoy needs to prove who it is and to check who the other is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// The authority's own certificate, PEM.
    pub authority: PathBuf,
}

/// The name that stands in a service's certificate.
pub fn spiffe_id(service: &str) -> String {
    format!("spiffe://{NAMESPACE}/{service}")
}

impl Authority {
    /// Makes an authority that writes into `folder`.
    ///
    /// # Errors
    /// If it cannot write there.
    pub fn new(folder: &Path) -> Result<Self, MeshError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, format!("{NAMESPACE} demo authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        write(&folder.join("authority.crt"), &params.self_signed(&key)?.pem())?;
        Ok(Self { issuer: Issuer::new(params, key), folder: folder.to_owned() })
    }

    /// Signs a certificate for one workload of a service, good for both ends of a connection.
    ///
    /// # Errors
    /// If the names cannot stand in a certificate, or the files cannot be written.
    pub fn identity(&self, service: &str, workload: &str) -> Result<Identity, MeshError> {
        let mut params = CertificateParams::new(vec![service.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, workload);
        params.subject_alt_names.push(SanType::URI(spiffe_id(service).try_into()?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let expiry = jiff::Zoned::now().date().saturating_add(jiff::Span::new().days(GOOD_FOR_DAYS));
        params.not_after =
            rcgen::date_time_ymd(expiry.year().into(), expiry.month() as u8, expiry.day() as u8);
        let key = KeyPair::generate()?;
        let identity = Identity {
            certificate: self.folder.join(format!("{workload}.crt")),
            key: self.folder.join(format!("{workload}.key")),
            authority: self.folder.join("authority.crt"),
        };
        write(&identity.certificate, &params.signed_by(&key, &self.issuer)?.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

fn write(path: &Path, text: &str) -> Result<(), MeshError> {
    fs::write(path, text).map_err(MeshError::Files)
}
