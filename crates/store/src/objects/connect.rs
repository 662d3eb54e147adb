//! From a URL and the environment to a client of the provider.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::ClientConfigKey;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::multipart::MultipartStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use pra_core::{Code, Error, Result};

use super::options::{Environment, StoreOptions};
use super::wire::{Connector, Counters};
use crate::url::{ReplicaUrl, Scheme};

/// A provider's client.
pub(super) trait Service: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Service for T {}

/// To establish a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// None: the retries are ours, above, where what an unanswered write has done is looked at.
const NO_RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::ZERO, max_backoff: Duration::ZERO, base: 2.0 },
    max_retries: 0,
    retry_timeout: Duration::ZERO,
};

/// Makes a client; nothing is sent yet.
pub(super) fn connect(url: &ReplicaUrl, options: &StoreOptions, counters: Arc<Counters>) -> Result<Arc<dyn Service>> {
    // One crypto provider for the whole process. Other code may have installed one already.
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider().install_default().is_err()
    {
        tracing::debug!("another thread has installed the cryptography");
    }
    let environment = &options.environment;
    let guards_completion = url.scheme() == Scheme::S3 && !options.only_writer;
    let connector = Connector { counters, guards_completion };
    let wrong = || {
        let names: Vec<_> = environment.names().collect();
        Error::new(Code::Usage, format!("the settings for '{url}' make no sense"))
            .hint(format!("these variables are set: {}", names.join(" ")))
    };
    match url.scheme() {
        Scheme::S3 => {
            let mut builder = AmazonS3Builder::new().with_client_options(client_options(environment, "aws_")?);
            for (name, value) in environment.with_prefix("AWS_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
            if let Some(endpoint) = endpoint.into_iter().find_map(|name| environment.get(name)) {
                builder = builder.with_allow_http(may_be_plain(endpoint, "AWS_ALLOW_HTTP", environment)?);
            }
            let builder = builder
                .with_bucket_name(url.bucket())
                .with_conditional_put(S3ConditionalPut::ETagMatch)
                .with_retry(NO_RETRIES)
                .with_http_connector(connector);
            Ok(Arc::new(builder.build().map_err(|error| wrong().because(error.to_string()))?))
        }
        Scheme::Gs => {
            let mut builder =
                GoogleCloudStorageBuilder::new().with_client_options(client_options(environment, "google_")?);
            for (name, value) in environment.with_prefix("GOOGLE_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            let builder = builder.with_bucket_name(url.bucket()).with_retry(NO_RETRIES).with_http_connector(connector);
            // Their errors quote what they could not read, which may be a key.
            Ok(Arc::new(builder.build().map_err(|_quotes| wrong())?))
        }
        Scheme::Az => {
            let mut builder = MicrosoftAzureBuilder::new().with_client_options(client_options(environment, "azure_")?);
            for (name, value) in environment.with_prefix("AZURE_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            if let Some(endpoint) = environment.get("AZURE_STORAGE_ENDPOINT") {
                builder = builder.with_allow_http(may_be_plain(endpoint, "AZURE_ALLOW_HTTP", environment)?);
            }
            let builder =
                builder.with_container_name(url.bucket()).with_retry(NO_RETRIES).with_http_connector(connector);
            Ok(Arc::new(builder.build().map_err(|_quotes| wrong())?))
        }
        Scheme::File => Err(Error::new(Code::Failed, "a folder has no client")),
    }
}

/// Whether a provider's client reads the variable `name`.
pub(super) fn is_setting(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    match name.split_once('_') {
        Some(("AWS", _)) => lower.parse::<AmazonS3ConfigKey>().is_ok(),
        Some(("AZURE", _)) => lower.parse::<AzureConfigKey>().is_ok(),
        Some(("GOOGLE", _)) => lower.parse::<GoogleConfigKey>().is_ok(),
        _ => false,
    }
}

/// Time-outs are ours as well, but for the connection's: the client's own would end a long download.
fn client_options(environment: &Environment, prefix: &str) -> Result<ClientOptions> {
    let mut options = ClientOptions::new();
    for (name, value) in environment.with_prefix(&prefix.to_ascii_uppercase()) {
        if let Some(key) = name.strip_prefix(prefix).and_then(|name| name.parse::<ClientConfigKey>().ok()) {
            options = options.with_config(key, value);
        }
    }
    let agent = concat!("mini-pra/", env!("CARGO_PKG_VERSION"));
    let agent = agent.parse().map_err(|error| Error::new(Code::Failed, "failed to name the client").because(error))?;
    Ok(options.with_user_agent(agent).with_timeout_disabled().with_connect_timeout(CONNECT_TIMEOUT))
}

/// Whether the endpoint is spoken to without TLS: where it is this machine, or `permission` says so.
fn may_be_plain(endpoint: &str, permission: &str, environment: &Environment) -> Result<bool> {
    let Some(rest) = endpoint.strip_prefix("http://") else { return Ok(false) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(Error::new(Code::Usage, "an endpoint's URL holds no user and no key"));
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let is_permitted = environment.get(permission).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_local || is_permitted {
        return Ok(true);
    }
    Err(Error::new(Code::Usage, format!("the endpoint '{host}' is to be spoken to without encryption"))
        .hint(format!("use https://, or set {permission}=true if the network in between is yours")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn http_is_for_this_machine_unless_it_is_asked_for_by_name() {
        let none = environment(&[]);
        for local in ["http://localhost:9000", "http://127.0.0.1:9000/x", "http://[::1]:9000", "http://127.1.2.3"] {
            assert!(may_be_plain(local, "AWS_ALLOW_HTTP", &none).unwrap(), "{local}");
        }
        assert!(!may_be_plain("https://minio.example", "AWS_ALLOW_HTTP", &none).unwrap());
        for far in
            ["http://minio.pra.svc:9000", "http://localhost.example", "http://127.0.0.1.example", "http://10.0.0.1"]
        {
            let error = may_be_plain(far, "AWS_ALLOW_HTTP", &none).unwrap_err();
            assert_eq!(error.code(), Code::Usage, "{far}");
            assert!(error.hint_text().is_some_and(|hint| hint.contains("AWS_ALLOW_HTTP=true")), "{far}");
            assert!(may_be_plain(far, "AWS_ALLOW_HTTP", &environment(&[("AWS_ALLOW_HTTP", "true")])).unwrap());
        }
        let error = may_be_plain("http://me:hunter2@127.0.0.1", "AWS_ALLOW_HTTP", &none).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn half_a_key_is_a_mistake_that_names_the_variables_and_no_value() {
        let options =
            StoreOptions { environment: environment(&[("AWS_ACCESS_KEY_ID", "hunter2")]), ..StoreOptions::default() };
        let url = "s3://my-bucket".parse().unwrap();
        let error = connect(&url, &options, Arc::default()).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        let shown = format!("{error:?} {}", error.chain());
        assert!(shown.contains("AWS_ACCESS_KEY_ID") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_service_account_that_cannot_be_read_is_not_quoted() {
        let account = r#"{"private_key": 12345678, "hunter2": true}"#;
        let environment = environment(&[("GOOGLE_SERVICE_ACCOUNT_KEY", account)]);
        let options = StoreOptions { environment, ..StoreOptions::default() };
        let error = connect(&"gs://my-bucket".parse().unwrap(), &options, Arc::default()).map(|_| ()).unwrap_err();
        let shown = format!("{error:?} {}", error.chain());
        assert!(!shown.contains("hunter2") && !shown.contains("12345678"), "{shown}");
    }

    #[test]
    fn a_system_without_certificates_is_no_obstacle() {
        const AGAIN: &str = "PRA_TEST_WITHOUT_CERTIFICATES";
        if std::env::var_os(AGAIN).is_some() {
            let pairs = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
            let options = StoreOptions { environment: environment(&pairs), ..StoreOptions::default() };
            connect(&"s3://my-bucket".parse().unwrap(), &options, Arc::default()).unwrap();
            return;
        }
        // In a process of its own: where certificates are looked for is the whole process's matter.
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "objects::connect::tests::a_system_without_certificates_is_no_obstacle";
        again
            .args(["--exact", name])
            .env(AGAIN, "1")
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/nonexistent");
        let output = again.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}
