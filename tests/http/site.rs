//! A server to test.

use mini_pra_tests::{Client, Data, Host, HostOptions};

/// A server, and where it is a `host` of the test's own, its data.
pub(crate) struct Site {
    pub(crate) client: Client,
    own: Option<(Host, Data)>,
}

impl Site {
    /// The server at `BASE_URL`, or one of the test's own.
    #[track_caller]
    pub(crate) fn any() -> Self {
        match base_url() {
            Some(url) => Self { client: Client::without_keep_alive(&url), own: None },
            None => Self::start(Host::options(), Data::new()),
        }
    }

    /// A server of the test's own on an empty data folder; `None` where `BASE_URL` names another.
    #[track_caller]
    pub(crate) fn own() -> Option<Self> {
        Self::own_with(Host::options(), Data::new())
    }

    /// The same with settings and data.
    #[track_caller]
    pub(crate) fn own_with(options: HostOptions, data: Data) -> Option<Self> {
        base_url().is_none().then(|| Self::start(options, data))
    }

    #[track_caller]
    fn start(options: HostOptions, data: Data) -> Self {
        let host = options.start(&data);
        Self { client: Client::without_keep_alive(host.url()), own: Some((host, data)) }
    }

    /// The data of a server of the test's own.
    #[track_caller]
    pub(crate) fn data(&self) -> &Data {
        &self.own.as_ref().expect("this server has its data elsewhere").1
    }

    /// The server of the test's own.
    #[track_caller]
    pub(crate) fn host(&mut self) -> &mut Host {
        &mut self.own.as_mut().expect("this server is not ours").0
    }

    /// What `/count` says.
    #[track_caller]
    pub(crate) fn count(&self) -> u64 {
        self.client.get_json("/count")["count"].as_u64().expect("no count")
    }
}

fn base_url() -> Option<String> {
    std::env::var("BASE_URL").ok().filter(|url| !url.is_empty())
}

/// A name that no other test, nor an earlier run against the same server, has used.
pub(crate) fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{}-{number}", std::process::id(), mini_pra_tests::now_ms())
}

/// Whether `text` is an instant as the API writes it: `2025-01-10T12:00:00.042Z`.
pub(crate) fn is_instant(text: &str) -> bool {
    let digits = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
    digits(text) == "0000-00-00T00:00:00.000Z"
}
