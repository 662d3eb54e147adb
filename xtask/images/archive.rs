//! One file that holds an image: an [OCI image layout] that is a `docker save` archive as well.
//!
//! ```text
//! blobs/sha256/…   layer, configuration, manifest
//! index.json       names the manifest; for containerd, k3d, podman, skopeo
//! manifest.json    names configuration and layer; for Docker before version 25
//! oci-layout       says that this is one
//! ```
//!
//! [OCI image layout]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md

use anyhow::Result;
use serde_json::json;

use crate::document::{Blob, Document, MANIFEST, platform};
use crate::tarball::{Entry, tar};

/// The archive of an image that is to be known as `name`.
///
/// # Errors
/// None that can be expected: it is all in memory.
pub(crate) fn archive(name: &str, image: &Document, time: u64) -> Result<Vec<u8>> {
    let mut descriptor = image.manifest.descriptor(MANIFEST);
    descriptor["platform"] = platform()?;
    descriptor["annotations"] = json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [descriptor],
    });
    let docker = json!([{ "Config": path(&image.config), "RepoTags": [name], "Layers": [path(&image.layer)] }]);
    let layout = json!({ "imageLayoutVersion": "1.0.0" });

    let mut entries = vec![Entry::folder("blobs", 0o755), Entry::folder("blobs/sha256", 0o755)];
    entries.extend(image.blobs().map(|blob| Entry::file(&path(blob), 0o644, blob.bytes.clone())));
    for (name, content) in [("index.json", index), ("manifest.json", docker), ("oci-layout", layout)] {
        entries.push(Entry::file(name, 0o644, serde_json::to_vec(&content)?));
    }
    tar(entries, time)
}

fn path(blob: &Blob) -> String {
    format!("blobs/sha256/{}", blob.hex())
}
