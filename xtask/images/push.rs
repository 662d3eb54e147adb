//! Pushes images to a registry, by the OCI distribution protocol.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};

use crate::credentials;
use crate::document::{Document, MANIFEST};
use crate::pack::Packed;

/// A registry that says nothing for so long will not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pushes the images below `registry`, which may have a path; without TLS where that is asked for or stays here.
///
/// # Errors
/// A registry that is out of reach, refuses us, or has something else afterwards.
pub(crate) fn push(registry: &str, plain_http: bool, images: &[Packed]) -> Result<()> {
    ensure!(
        rustls::crypto::ring::default_provider().install_default().is_ok(),
        "another part of the program has set up the cryptography already"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    for image in images {
        let target = target(registry, &image.name)?;
        let auth = credentials::of(target.registry())?;
        let client = client(plain_http || is_local(target.registry()));
        eprintln!("pushing {target}");
        runtime
            .block_on(push_one(&client, &target, &auth, &image.document))
            .with_context(|| format!("failed to push '{target}'"))?;
    }
    Ok(())
}

/// What an image is called in a registry.
fn target(registry: &str, name: &str) -> Result<Reference> {
    let path = name.trim_start_matches("localhost/");
    let target = format!("{}/{path}", registry.trim_end_matches('/'));
    target.parse().with_context(|| format!("'{target}' is no name of an image"))
}

fn is_local(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _port)| host);
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

fn client(plain_http: bool) -> Client {
    Client::new(ClientConfig {
        protocol: if plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
        connect_timeout: Some(PATIENCE),
        read_timeout: Some(PATIENCE),
        ..ClientConfig::default()
    })
}

async fn push_one(client: &Client, target: &Reference, auth: &RegistryAuth, image: &Document) -> Result<()> {
    client.auth(target, auth, RegistryOperation::Push).await?;
    for blob in [&image.layer, &image.config] {
        if !client.blob_exists(target, &blob.digest).await? {
            client.push_blob(target, blob.bytes.clone(), &blob.digest).await?;
        }
    }
    let media_type = MANIFEST.parse().map_err(|error| anyhow!("'{MANIFEST}' is no header: {error}"))?;
    client.push_manifest_raw(target, image.manifest.bytes.clone(), media_type).await?;
    let there = client.fetch_manifest_digest(target, auth).await?;
    ensure!(there == image.manifest.digest, "the registry has {there} and not {}", image.manifest.digest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_may_have_a_port_and_a_path() {
        let target = |registry| target(registry, "localhost/mini-pra/events:0.1.0").unwrap().whole();
        assert_eq!(target("localhost:5000"), "localhost:5000/mini-pra/events:0.1.0");
        assert_eq!(target("ghcr.io/me/"), "ghcr.io/me/mini-pra/events:0.1.0");
    }

    #[test]
    fn only_what_stays_on_this_machine_goes_without_tls_unasked() {
        assert!(
            ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"].map(is_local).iter().all(|local| *local)
        );
        assert!(!["ghcr.io", "localhost.example:5000", "10.0.0.1:5000"].map(is_local).iter().any(|local| *local));
    }
}
