//! Against a real server that refuses, hangs and cuts on demand.

use tokio::net::{TcpListener, TcpSocket};

use super::*;

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Manner {
    Answers(u16),
    Hangs,
    Cuts,
    CutsInTheMiddle,
    Resets,
    /// Answers once on each connection and cuts it at the second request.
    AnswersOnce,
}

async fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let answer = |status| format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}");
                while has_request(&stream).await {
                    match manner {
                        Manner::Answers(status) => say(&stream, &answer(status)),
                        Manner::Hangs => std::future::pending().await,
                        Manner::Cuts => return,
                        Manner::CutsInTheMiddle => {
                            return say(&stream, "HTTP/1.1 201 x\r\ncontent-length: 9\r\n\r\n{");
                        }
                        Manner::Resets => return stream.set_zero_linger().unwrap(),
                        Manner::AnswersOnce => {
                            say(&stream, &answer(201));
                            assert!(has_request(&stream).await);
                            return;
                        }
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

/// Waits for a request, which is short enough to come in one piece. Empty: the client is gone.
async fn request(stream: &TcpStream) -> String {
    let mut request = [0; 4096];
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut request) {
            Ok(bytes) => return String::from_utf8_lossy(&request[..bytes]).into_owned(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

async fn has_request(stream: &TcpStream) -> bool {
    !request(stream).await.is_empty()
}

fn say(stream: &TcpStream, answer: &str) {
    assert_eq!(stream.try_write(answer.as_bytes()).unwrap(), answer.len());
}

fn ask() -> Ask {
    Ask { method: Method::POST, path: "/events".to_owned(), key: Some("k".to_owned()), body: Bytes::from("{}") }
}

async fn how(url: &str) -> Result<u16, Refusal> {
    let target = Target::resolve(url, false, None).await.unwrap();
    target.ask(&ask(), Duration::from_millis(300)).await.map(|answer| answer.status)
}

#[tokio::test]
async fn each_way_to_fail_has_its_name() {
    assert_eq!(how(&serve(Manner::Answers(201)).await).await, Ok(201));
    assert_eq!(how(&serve(Manner::Answers(503)).await).await, Ok(503));
    assert_eq!(how(&serve(Manner::Hangs).await).await, Err(Refusal::TimedOut));
    assert_eq!(how(&serve(Manner::Cuts).await).await, Err(Refusal::Reset));
    assert_eq!(how(&serve(Manner::CutsInTheMiddle).await).await, Err(Refusal::Reset));
    assert_eq!(how(&serve(Manner::Resets).await).await, Err(Refusal::Reset));
    // Bound and not listening: no other process gets the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    assert_eq!(how(&url).await, Err(Refusal::ConnectionRefused));
}

#[tokio::test]
async fn a_connection_that_was_used_before_and_is_cut_is_told_from_a_new_one() {
    let target = Target::resolve(&serve(Manner::AnswersOnce).await, true, None).await.unwrap();
    let limit = Duration::from_secs(5);
    assert_eq!(target.ask(&ask(), limit).await.unwrap().status, 201);
    assert_eq!(target.ask(&ask(), limit).await.unwrap_err(), Refusal::KeptAliveCut);
    assert_eq!(target.ask(&ask(), limit).await.unwrap().status, 201, "a new one");
}

#[tokio::test]
async fn what_is_no_http_url_is_refused_with_an_example() {
    for url in ["https://events", "events", "http://", "ftp://events/"] {
        let error = Target::resolve(url, false, None).await.unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{url}");
        assert!(error.hint_text().unwrap().contains("http://events"));
    }
}

#[tokio::test]
async fn the_token_is_sent_with_each_request_and_shown_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = Target::resolve(&url, false, Some(Token::new("secret\n").unwrap())).await.unwrap();
    assert!(!format!("{target:?}").contains("secret"));
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        request(&stream).await
    };
    let asked = ask();
    let (request, _cut) = tokio::join!(server, target.ask(&asked, Duration::from_secs(5)));
    assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
    assert_eq!(Token::new("two\nlines").unwrap_err().code(), Code::Usage);
}

#[tokio::test]
async fn the_api_server_proxies_the_request_and_the_services_status_is_returned() {
    let (service, mut server) = tower_test::mock::pair::<Request<kube::client::Body>, _>();
    let heard = tokio::spawn(async move {
        let (request, answer) = server.next_request().await.unwrap();
        let gone = hyper::Response::builder().status(404).body(kube::client::Body::from(b"{}".to_vec()));
        answer.send_response(gone.unwrap());
        request.into_parts().0
    });
    let cluster = Cluster::new(kube::Client::new(service, "pra"), "pra");
    let target = Target::through(&cluster, "events", None).unwrap();
    let body = Bytes::from_static(b"{}");
    let ask = Ask { method: Method::POST, path: "/events".to_owned(), key: Some("k".to_owned()), body };
    assert_eq!(target.ask(&ask, Duration::from_secs(5)).await.unwrap().status, 404);
    let heard = heard.await.unwrap();
    assert_eq!(heard.uri.path(), "/api/v1/namespaces/pra/services/events:80/proxy/events");
    assert_eq!(heard.headers["idempotency-key"], "k");

    let refused = Target::through(&cluster, "events", Some(Token::new("secret").unwrap())).unwrap_err();
    assert_eq!(refused.code(), Code::Usage);
    assert!(refused.hint_text().unwrap().contains("--url"));
}
