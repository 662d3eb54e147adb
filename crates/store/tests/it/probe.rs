//! A store that would let one writer destroy another's work is found out before anything is written.

use pra_core::Code;
use store::objects::{Put, Store};

use crate::minio::{options, url};
use crate::server::Care::{Honours, Ignores, Refuses};
use crate::server::{Manners, Server};

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused_by_name_of_the_flag() {
    for (puts, completions) in [(Ignores, Honours), (Honours, Ignores), (Refuses, Honours), (Honours, Refuses)] {
        let server = Server::start(Manners { puts, completions }).await;
        let store = Store::open(&url("x"), &options(server.address())).unwrap();
        let error = store.probe().await.unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{puts:?} {completions:?} {}", error.chain());
        assert!(error.hint_text().unwrap().contains("--i-am-the-only-writer"), "{error:?}");
        assert_eq!(server.keys(), Vec::<String>::new(), "{puts:?} {completions:?}");
    }
}

#[tokio::test]
async fn a_store_that_honours_them_passes() {
    let server = Server::start(Manners::default()).await;
    let store = Store::open(&url("x"), &options(server.address())).unwrap();
    store.probe().await.unwrap();
    assert_eq!(server.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn the_only_writer_looks_before_it_writes() {
    for care in [Ignores, Refuses] {
        let server = Server::start(Manners { puts: care, completions: care }).await;
        let mut options = options(server.address());
        options.only_writer = true;
        let store = Store::open(&url("x"), &options).unwrap();
        store.probe().await.unwrap();
        assert_eq!(store.put_new("a", b"1".to_vec(), 0).await.unwrap(), Put::Created);
        assert_eq!(store.put_new("a", b"1".to_vec(), 0).await.unwrap(), Put::Same);
        assert_eq!(store.put_new("a", b"2".to_vec(), 0).await.unwrap_err().code(), Code::Busy);
        assert_eq!(store.read("a", 10).await.unwrap().0, "1");
    }
}

#[tokio::test]
async fn an_objects_time_is_where_litestream_looks_for_it() {
    let server = Server::start(Manners::default()).await;
    let store = Store::open(&url("x"), &options(server.address())).unwrap();
    store.put_new("small", b"1".to_vec(), 1_764_102_225_123).await.unwrap();
    store.put_new("large", vec![1; (8 << 20) + 1], 1_764_102_225_000).await.unwrap();
    assert_eq!(server.times(), ["2025-11-25T20:23:45.123Z", "2025-11-25T20:23:45Z"]);
}

#[tokio::test]
async fn a_server_that_is_no_store_is_out_of_reach() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            assert!(client.read(&mut buffer).await.unwrap() > 0);
            let body = "<html>404 Not Found</html>";
            let head = format!("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            client.write_all((head + body).as_bytes()).await.unwrap();
        }
    });
    let store = Store::open(&url("x"), &options(address)).unwrap();
    for error in [store.read("lease.json", 10).await.unwrap_err(), store.list("").await.unwrap_err()] {
        assert_eq!(error.code(), Code::OutOfReach, "{}", error.chain());
    }
}
