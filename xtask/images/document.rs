//! The documents that make files an image: [configuration] and [manifest], as the OCI image specification has them.
//!
//! [configuration]: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
//! [manifest]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::contents::{Image, Start, USER};
use crate::tarball::{Entry, gzip, tar};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Bytes that are known by their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    /// `sha256:…`
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: digest(&bytes), bytes }
    }

    fn json(value: &Value) -> Result<Self> {
        Ok(Self::new(serde_json::to_vec(value)?))
    }

    /// The digest without its algorithm.
    pub(crate) fn hex(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }

    /// How a document names this one.
    pub(crate) fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes).into_iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

/// A whole image: one layer and what describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) layer: Blob,
    pub(crate) config: Blob,
    pub(crate) manifest: Blob,
}

impl Document {
    /// Describes the files of `image`, made at `time` (seconds since 1970).
    ///
    /// # Errors
    /// A time that no calendar has, or a processor that has no images.
    pub(crate) fn new(image: Image, files: Vec<Entry>, time: u64) -> Result<Self> {
        let tar = tar(files, time)?;
        let layer = Blob::new(gzip(&tar)?);
        let config = Blob::json(&config(image, &digest(&tar), time)?)?;
        let manifest = Blob::json(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": [layer.descriptor(LAYER)],
            "annotations": labels(image),
        }))?;
        Ok(Self { layer, config, manifest })
    }

    /// All blobs, the manifest last: it is only valid once the others are there.
    pub(crate) fn blobs(&self) -> [&Blob; 3] {
        [&self.layer, &self.config, &self.manifest]
    }
}

/// Also for the Wasm application the platform is the nodes' own: containerd unpacks an image of another one only on
/// demand, and Docker not at all.
pub(crate) fn platform() -> Result<Value> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => anyhow::bail!("there are no images for processors of the kind '{other}'"),
    };
    Ok(json!({ "architecture": architecture, "os": "linux" }))
}

fn config(image: Image, layer: &str, time: u64) -> Result<Value> {
    let Start { entrypoint, arguments, environment, port } = image.start();
    let ports: BTreeMap<_, _> = port.iter().map(|port| (format!("{port}/tcp"), json!({}))).collect();
    let created = i64::try_from(time).context("SOURCE_DATE_EPOCH is out of range")?;
    let created = jiff::Timestamp::from_second(created).context("SOURCE_DATE_EPOCH is out of range")?;
    let mut config = platform()?;
    config["created"] = created.to_string().into();
    config["config"] = json!({
        "User": format!("{USER}:{USER}"),
        "ExposedPorts": ports,
        "Env": environment,
        "Entrypoint": entrypoint,
        "Cmd": arguments,
        "WorkingDir": "/",
        "Labels": labels(image),
    });
    config["rootfs"] = json!({ "type": "layers", "diff_ids": [layer] });
    config["history"] = json!([{ "created": created.to_string(), "created_by": "cargo xtask images" }]);
    Ok(config)
}

fn labels(image: Image) -> Value {
    json!({
        "org.opencontainers.image.title": image.name(),
        "org.opencontainers.image.description": image.description(),
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
    })
}
