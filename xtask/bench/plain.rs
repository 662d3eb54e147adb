//! The store's own time: the same number of bytes as a replica has, sent and fetched by `curl`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::measure::Sample;
use crate::minio::{BUCKET, Minio};
use crate::process::run;

pub(crate) const PUT: &str = "curl PUT";
pub(crate) const GET: &str = "curl GET";

/// Transfers at once: more are no faster, to a server on the same machine.
const AT_ONCE: u64 = 4;

/// An object's size, about: as large as a part of an upload often is.
const OBJECT: u64 = 32 << 20;

/// Random bytes in objects that are all alike, so that they need no room here.
pub(crate) struct Plain {
    put: PathBuf,
    get: PathBuf,
}

impl Plain {
    /// Makes `bytes` bytes below `folder`. They are sent once, so that there is something to get.
    pub(crate) fn new(minio: &Minio, folder: &Path, bytes: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create '{}'", folder.display()))?;
        let (object, objects) = (folder.join("object"), bytes.div_ceil(OBJECT).max(AT_ONCE));
        random(&object, bytes / objects)?;
        let (mut put, mut get) = (config(), config());
        for number in 0..objects {
            let url = format!("url = \"{}/{BUCKET}/plain/{number}\"\n", minio.endpoint());
            put.push_str(&format!("upload-file = \"{}\"\n{url}", object.display()));
            get.push_str(&format!("output = \"/dev/null\"\n{url}"));
        }
        let plain = Self { put: folder.join("put.curl"), get: folder.join("get.curl") };
        std::fs::write(&plain.put, put).context("failed to write a configuration of curl")?;
        std::fs::write(&plain.get, get).context("failed to write a configuration of curl")?;
        plain.put()?;
        Ok(plain)
    }

    pub(crate) fn put(&self) -> Result<Sample> {
        transfer(&self.put)
    }

    /// What arrives is written nowhere.
    pub(crate) fn get(&self) -> Result<Sample> {
        transfer(&self.get)
    }
}

fn config() -> String {
    format!("parallel\nparallel-max = {AT_ONCE}\nfail\nsilent\nshow-error\n{}", Minio::curl_signs())
}

fn random(file: &Path, bytes: u64) -> Result<()> {
    let copied =
        File::open("/dev/urandom").and_then(|random| std::io::copy(&mut random.take(bytes), &mut File::create(file)?));
    copied.map(drop).with_context(|| format!("failed to write '{}'", file.display()))
}

fn transfer(config: &Path) -> Result<Sample> {
    let ended = run(Command::new("curl").arg("--config").arg(config))?;
    Ok(Sample::from([("seconds", ended.elapsed.as_secs_f64()), ("peak_rss_mib", ended.peak_rss_mib)]))
}
