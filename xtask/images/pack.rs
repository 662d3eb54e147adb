//! From sources to archives on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::archive::archive;
use crate::contents::Image;
use crate::document::Document;
use crate::options::Options;

/// An image that has been written.
#[derive(Debug, Serialize)]
pub(crate) struct Packed {
    /// What it is known as, as in `image:` of a pod.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// The manifest's: what a registry and containerd know it by.
    pub(crate) digest: String,
    /// The size of the file.
    pub(crate) bytes: u64,
    #[serde(skip)]
    pub(crate) document: Document,
}

/// Where the contents of images come from.
pub(crate) struct Sources {
    /// The repository.
    pub(crate) root: PathBuf,
    /// The statically linked programs.
    pub(crate) binaries: PathBuf,
}

impl Sources {
    /// A file of the repository.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>> {
        read(&self.root.join(path))
    }

    /// A text of the repository.
    pub(crate) fn read_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?).with_context(|| format!("'{path}' is not valid UTF-8"))
    }

    /// A statically linked program.
    pub(crate) fn program(&self, name: &str) -> Result<Vec<u8>> {
        read(&self.binaries.join(name))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read '{}'", path.display()))
}

/// Writes the images that the options ask for.
///
/// # Errors
/// A source that is missing or unfit, or a folder that cannot be written to.
pub(crate) fn all(options: &Options) -> Result<Vec<Packed>> {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest_dir.parent().context("xtask has no parent folder")?.to_path_buf();
    let folder = options.dir.clone().unwrap_or_else(|| root.join("target/images"));
    fs::create_dir_all(&folder).with_context(|| format!("failed to make the folder '{}'", folder.display()))?;
    let sources = Sources { root, binaries: options.binaries.clone() };
    let time = source_date_epoch()?;
    let wanted = if options.only.is_empty() { &Image::ALL[..] } else { &options.only };
    wanted.iter().map(|&image| one(image, &sources, &folder, time)).collect()
}

/// Writes one image into a folder; `time` is in seconds since 1970.
pub(crate) fn one(image: Image, sources: &Sources, folder: &Path, time: u64) -> Result<Packed> {
    let name = format!("localhost/{}", path(image));
    let (document, bytes) = contents(image, &name, sources, time)
        .with_context(|| format!("failed to make the image '{}'", image.name()))?;
    let file = folder.join(image.name()).with_extension("tar");
    publish(&file, &bytes).with_context(|| format!("failed to write '{}'", file.display()))?;
    Ok(Packed { name, file, digest: document.manifest.digest.clone(), bytes: bytes.len() as u64, document })
}

fn contents(image: Image, name: &str, sources: &Sources, time: u64) -> Result<(Document, Vec<u8>)> {
    let document = Document::new(image, image.files(sources)?, time)?;
    let archive = archive(name, &document, time)?;
    Ok((document, archive))
}

/// The image's name without a registry.
fn path(image: Image) -> String {
    format!("mini-pra/{}:{}", image.name(), env!("CARGO_PKG_VERSION"))
}

/// Writes a file so that no reader ever sees half of it.
fn publish(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = file.with_extension("tar.unfinished");
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, file)
}

/// What all times in an image are, in seconds since 1970: <https://reproducible-builds.org/specs/source-date-epoch/>
fn source_date_epoch() -> Result<u64> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds.parse().with_context(|| format!("SOURCE_DATE_EPOCH is no number: '{seconds}'")),
        Err(std::env::VarError::NotPresent) => Ok(0),
        Err(error) => Err(error).context("failed to read SOURCE_DATE_EPOCH"),
    }
}
