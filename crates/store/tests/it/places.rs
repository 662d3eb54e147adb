//! The stores that every promise is held against.

use std::sync::Arc;

use store::Store;
use store::objects::{Environment, StoreOptions};

use crate::minio::{Minio, minio, url};

/// A store and what it lives in.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) store: Store,
    pub(crate) folder: Option<tempfile::TempDir>,
    _minio: Option<Arc<Minio>>,
}

/// An empty folder, an empty prefix of a MinIO server where there is one, and one in each of the stores whose URLs
/// `PRA_TEST_STORES` lists, separated by commas, with the settings of the environment.
pub(crate) async fn places() -> Vec<Place> {
    let mut places = vec![folder(StoreOptions::default())];
    for url in std::env::var("PRA_TEST_STORES").unwrap_or_default().split(',').filter(|url| !url.is_empty()) {
        let options = StoreOptions { environment: Environment::of_process().unwrap(), ..StoreOptions::default() };
        let url = format!("{url}/p-{:016x}", rand::random::<u64>()).parse().unwrap();
        places.push(Place { name: "given", store: Store::open(&url, &options).unwrap(), folder: None, _minio: None });
    }
    let minio = minio().await;
    let prefix = format!("p-{:016x}", rand::random::<u64>());
    let store = Store::open(&url(&prefix), &minio.options()).unwrap();
    places.push(Place { name: "s3", store, folder: None, _minio: Some(minio) });
    places
}

pub(crate) fn folder(options: StoreOptions) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display()).parse().unwrap();
    Place { name: "folder", store: Store::open(&url, &options).unwrap(), folder: Some(folder), _minio: None }
}

/// Bytes that no compression and no repetition hides.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};
    let mut bytes = vec![0; len];
    rand::rngs::StdRng::seed_from_u64(seed).fill(bytes.as_mut_slice());
    bytes
}
