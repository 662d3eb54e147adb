//! What is in the archives, looked at with others' eyes: `tar`, and the types of the OCI client.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use object::elf::{PT_INTERP, PT_LOAD};
use oci_client::config::ConfigFile;
use oci_client::manifest::{OciImageIndex, OciImageManifest};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::contents::Image;
use crate::executable;
use crate::pack::{self, Sources};

const WASM: &[u8] = b"\0asm";

/// A repository with everything that images are made from.
fn repository(program: u32) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    };
    write("spin.toml", include_bytes!("../../spin.toml"));
    write("target/wasm32-wasip2/release/events.wasm", WASM);
    write("bin/host", &executable::tests::executable(program));
    write("bin/backup-job", &executable::tests::executable(program));
    let sources = Sources { root: folder.path().to_path_buf(), binaries: folder.path().join("bin") };
    (folder, sources)
}

fn packed(image: Image, time: u64) -> PathBuf {
    let (folder, sources) = repository(PT_LOAD);
    pack::one(image, &sources, &folder.keep(), time).unwrap().file
}

/// A file or folder as `tar` found it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    mode: u32,
    owner: (u64, u64),
    time: u64,
    content: Option<Vec<u8>>,
}

/// The entries of an archive, which must be sorted.
fn untar(bytes: impl Read) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        assert!(found.keys().all(|before| *before < path), "{path} is not in its place");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        let content = header.entry_type().is_file().then_some(content);
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        found.insert(path, Found { mode, owner, time, content });
    }
    found
}

/// An image, read back the way a container runtime does it: each blob by its digest.
struct ReadBack {
    name: String,
    manifest: OciImageManifest,
    config: ConfigFile,
    files: BTreeMap<String, Found>,
}

fn read_back(file: &Path) -> ReadBack {
    let archive = untar(std::fs::File::open(file).unwrap());
    let document = |name: &str| archive[name].content.clone().unwrap();
    let blob = |digest: &str| {
        let bytes = document(&format!("blobs/{}", digest.replace(':', "/")));
        assert_eq!(digest, sha256(&bytes));
        bytes
    };
    let layout: Value = serde_json::from_slice(&document("oci-layout")).unwrap();
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");
    let index: OciImageIndex = serde_json::from_slice(&document("index.json")).unwrap();
    let [entry] = index.manifests.as_slice() else { panic!("{} manifests", index.manifests.len()) };
    let annotations = entry.annotations.as_ref().unwrap();
    let manifest: OciImageManifest = serde_json::from_slice(&blob(&entry.digest)).unwrap();
    let config: ConfigFile = serde_json::from_slice(&blob(&manifest.config.digest)).unwrap();
    let [layer] = manifest.layers.as_slice() else { panic!("{} layers", manifest.layers.len()) };
    let mut tar = Vec::new();
    GzDecoder::new(blob(&layer.digest).as_slice()).read_to_end(&mut tar).unwrap();
    assert_eq!(config.rootfs.diff_ids, [sha256(&tar)]);

    // Docker's own list says the same.
    let docker: Value = serde_json::from_slice(&document("manifest.json")).unwrap();
    let path = |digest: &str| Value::from(format!("blobs/{}", digest.replace(':', "/")));
    assert_eq!(docker[0]["Config"], path(&manifest.config.digest));
    assert_eq!(docker[0]["Layers"][0], path(&layer.digest));
    assert_eq!(docker[0]["RepoTags"][0], annotations["io.containerd.image.name"].as_str());
    assert_eq!(annotations["org.opencontainers.image.ref.name"], annotations["io.containerd.image.name"]);
    let name = annotations["io.containerd.image.name"].clone();
    ReadBack { name, manifest, config, files: untar(tar.as_slice()) }
}

fn sha256(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hex}")
}

#[test]
fn the_same_sources_give_the_same_bytes_wherever_they_are() {
    for image in Image::ALL {
        let [one, other] = [(), ()].map(|()| std::fs::read(packed(image, 0)).unwrap());
        assert!(one == other, "{image:?}");
    }
}

#[test]
fn every_image_is_read_back_whole_and_says_what_it_is() {
    for image in Image::ALL {
        let read = read_back(&packed(image, 0));
        assert_eq!(read.name, format!("localhost/mini-pra/{}:{}", image.name(), env!("CARGO_PKG_VERSION")));
        let config = read.config.config.unwrap();
        assert_eq!(config.user.as_deref(), Some("65532:65532"));
        let labels = config.labels.unwrap();
        assert_eq!(labels["org.opencontainers.image.title"], image.name());
        assert_eq!(labels["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
        assert_eq!(read.manifest.annotations.unwrap(), labels.into_iter().collect());
    }
}

#[test]
fn the_time_asked_for_is_the_only_one_in_an_image() {
    let read = read_back(&packed(Image::Events, 1_700_000_000));
    assert!(read.files.values().all(|file| file.time == 1_700_000_000));
    assert_eq!(read.config.created.unwrap().timestamp(), 1_700_000_000);
}

#[test]
fn only_the_programs_can_be_executed_and_there_is_no_shell() {
    let executables = |image| {
        let files = read_back(&packed(image, 0)).files.into_iter();
        let executables = files.filter(|(_, file)| file.content.is_some() && file.mode & 0o111 != 0);
        executables.map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert!(executables(Image::Events).is_empty());
    assert_eq!(executables(Image::BackupJob), ["backup-job"]);
    assert_eq!(executables(Image::EventsHost), ["host"]);
}

#[test]
fn an_application_image_holds_the_application_and_every_mount_point() {
    let folders = [".spin", "backup", "data", "dev", "etc", "proc", "sys", "tmp"];
    let files = ["etc/hostname", "etc/hosts", "etc/resolv.conf", "events.wasm", "runtime-config.toml", "spin.toml"];
    for (image, more) in [(Image::Events, None), (Image::EventsHost, Some("host"))] {
        let read = read_back(&packed(image, 0));
        let (found_files, found_folders): (Vec<_>, Vec<_>) =
            read.files.iter().partition(|(_, found)| found.content.is_some());
        assert!(found_folders.iter().map(|(path, _)| path.trim_end_matches('/')).eq(folders), "{found_folders:?}");
        let mut expected: Vec<_> = files.into_iter().chain(more).collect();
        expected.sort_unstable();
        assert!(found_files.iter().map(|(path, _)| path.as_str()).eq(expected));
        assert_eq!(read.files["events.wasm"].content.as_deref(), Some(WASM));
        let manifest = String::from_utf8(read.files["spin.toml"].content.clone().unwrap()).unwrap();
        assert!(manifest.contains("source = \"events.wasm\"") && !manifest.contains("cargo"), "{manifest}");
    }
}

#[test]
fn what_the_user_writes_to_is_the_users_and_the_rest_is_roots() {
    for image in Image::ALL {
        for (path, found) in read_back(&packed(image, 0)).files {
            let user = [".spin", "backup", "data"].contains(&path.trim_end_matches('/'));
            assert_eq!(found.owner, if user { (65532, 65532) } else { (0, 0) }, "{path}");
            let everybody = path.trim_end_matches('/') == "tmp";
            assert_eq!(found.mode & 0o022 != 0, everybody, "{path}");
        }
    }
}

#[test]
fn the_job_is_one_program_and_three_folders() {
    let read = read_back(&packed(Image::BackupJob, 0));
    let paths: Vec<_> = read.files.keys().map(|path| path.trim_end_matches('/')).collect();
    assert_eq!(paths, ["backup", "backup-job", "data", "tmp"]);
    let config = read.config.config.unwrap();
    assert_eq!(config.entrypoint.unwrap(), ["/backup-job"]);
}

#[test]
fn a_program_that_needs_a_loader_gets_into_no_image() {
    let (_folder, sources) = repository(PT_INTERP);
    let error = Image::BackupJob.files(&sources).unwrap_err().to_string();
    assert_eq!(error, "'backup-job' is not statically linked");
}
