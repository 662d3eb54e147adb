//! What a store is opened with, and where its keys come from.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use disk::rights::Rights;
use pra_core::{Code, Error, Result};

/// Called with a label before every operation on the store; an error makes the operation fail with it.
pub type Before = Arc<dyn Fn(&'static str) -> io::Result<()> + Send + Sync>;

/// How a store is used.
#[derive(Clone)]
pub struct StoreOptions {
    /// Keys, endpoints and regions; by default none.
    pub environment: Environment,
    /// The store cannot create-if-absent, and the operator states that no other process writes
    /// (`--i-am-the-only-writer`): objects are looked for before they are written.
    pub only_writer: bool,
    /// How long one request may take, with as much again for each 4 MiB of its body.
    pub timeout: Duration,
    /// When to give up on an operation that could succeed.
    pub retry: Retry,
    /// Whose files a folder has, and who may read them; `None`: as for any new file of this process.
    pub rights: Option<Rights>,
    /// For crash points.
    pub before: Option<Before>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            environment: Environment::default(),
            only_writer: false,
            timeout: Duration::from_secs(30),
            retry: Retry::default(),
            rights: None,
            before: None,
        }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, only_writer, timeout, retry, rights, before } = self;
        f.debug_struct("StoreOptions")
            .field("environment", environment)
            .field("only_writer", only_writer)
            .field("timeout", timeout)
            .field("retry", retry)
            .field("rights", rights)
            .field("before", &before.is_some())
            .finish()
    }
}

/// How often, and after what pauses, an operation is tried. Each pause is twice the one before, and cut short by up
/// to half at random, so that many who were cut off together do not come back together. Not by a crate: a
/// download counts its failures across the streams that it opens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// At most; at least once.
    pub attempts: u32,
    /// The first pause.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

impl Retry {
    /// The pause after the attempt of this number, counted from one; `chance` is between 0 and 1.
    pub(super) fn pause(&self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.longest).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }
}

/// The environment variables that stores are set up with: `AWS_…`, `AZURE_…`, `GOOGLE_…`, named as the providers'
/// own tools name them. `Debug` shows the names alone.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Secrets that may also be given as a file, as Kubernetes mounts them: the name with `_FILE` holds its path.
const FROM_FILES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_STORAGE_SAS_TOKEN",
];

/// What a variable is to the stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A setting that is not secret.
    Known,
    /// A secret, with the variable that names its file where there is one.
    Secret {
        /// Such as `AWS_SECRET_ACCESS_KEY_FILE`.
        file: Option<String>,
    },
    /// Nothing.
    Unknown,
}

/// What the variable `name` is to the stores.
pub fn setting(name: &str) -> Setting {
    let is_path = |name: &str| name.strip_suffix("_FILE").is_some_and(|name| FROM_FILES.contains(&name));
    if is_path(name) {
        return Setting::Known;
    }
    if !super::connect::is_setting(name) {
        return Setting::Unknown;
    }
    let secrets =
        ["SECRET", "TOKEN", "SAS_", "ACCOUNT_KEY", "MASTER_KEY", "ACCESS_KEY", "ENCRYPTION_KEY", "CUSTOMER_KEY"];
    let public = ["_FILE", "_URL", "_ENDPOINT"];
    if secrets.iter().any(|part| name.contains(part)) && !public.iter().any(|end| name.ends_with(end)) {
        let file = FROM_FILES.contains(&name).then(|| format!("{name}_FILE"));
        return Setting::Secret { file };
    }
    Setting::Known
}

impl Environment {
    /// This process's; secrets that are given as files are read.
    ///
    /// # Errors
    /// Where such a file cannot be read; its content is in no error.
    pub fn of_process() -> Result<Self> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<Self>()
            .with_files()
    }

    /// Reads the secrets that are given as files.
    ///
    /// # Errors
    /// As [`Self::of_process`].
    pub fn with_files(mut self) -> Result<Self> {
        for name in FROM_FILES {
            let Some(path) = self.0.get(&format!("{name}_FILE")) else { continue };
            if self.0.contains_key(*name) {
                let error = Error::new(Code::Usage, format!("both {name} and {name}_FILE are set"));
                return Err(error.hint("leave one of them out"));
            }
            let text = std::fs::read_to_string(path).map_err(|error| {
                Error::new(Code::Usage, format!("failed to read '{path}', which {name}_FILE names")).because(error)
            })?;
            self.0.insert((*name).to_owned(), text.trim_end().to_owned());
        }
        Ok(self)
    }

    /// The value of a variable; an empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What is set.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All that begin with `prefix`, with their names in lower case.
    pub(super) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, &'a str)> + 'a {
        let ours = self.0.iter().filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty());
        ours.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let is_ours = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|prefix| name.starts_with(prefix));
        Self(variables.into_iter().filter(|(name, _)| is_ours(name)).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn no_value_of_the_environment_is_ever_shown() {
        let environment = environment(&[("AWS_SECRET_ACCESS_KEY", "hunter2"), ("PATH", "/bin")]);
        let options = StoreOptions { environment, ..StoreOptions::default() };
        let shown = format!("{options:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("PATH"), "{shown}");
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let path = file.path().to_str().unwrap();
        let read = environment(&[("AWS_SECRET_ACCESS_KEY_FILE", path)]).with_files().unwrap();
        assert_eq!(read.get("AWS_SECRET_ACCESS_KEY"), Some("hunter2"));
        let both = environment(&[("AWS_SECRET_ACCESS_KEY_FILE", path), ("AWS_SECRET_ACCESS_KEY", "x")]).with_files();
        assert_eq!(both.unwrap_err().code(), Code::Usage);
        let missing = environment(&[("AWS_SESSION_TOKEN_FILE", "/nonexistent/token")]).with_files();
        assert!(missing.unwrap_err().chain().contains("/nonexistent/token"));
    }

    #[test]
    fn a_setting_is_told_from_a_secret_and_from_an_unused_variable() {
        for name in ["AWS_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
            assert_eq!(setting(name), Setting::Known, "{name}");
        }
        for name in ["AZURE_STORAGE_ENDPOINT", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_ACCESS_KEY_ID_FILE"] {
            assert_eq!(setting(name), Setting::Known, "{name}");
        }
        let file = Some("AWS_SECRET_ACCESS_KEY_FILE".to_owned());
        assert_eq!(setting("AWS_SECRET_ACCESS_KEY"), Setting::Secret { file });
        for name in ["GOOGLE_SERVICE_ACCOUNT_KEY", "AZURE_STORAGE_TOKEN", "AWS_SSE_CUSTOMER_KEY_BASE64"] {
            assert_eq!(setting(name), Setting::Secret { file: None }, "{name}");
        }
        for name in ["AWS_REGIO", "PATH", "AWS_REGION_FILE", "aws_region"] {
            assert_eq!(setting(name), Setting::Unknown, "{name}");
        }
    }

    #[test]
    fn a_token_file_of_the_provider_itself_is_left_alone() {
        let path = "/var/run/secrets/token";
        let read = environment(&[("AWS_WEB_IDENTITY_TOKEN_FILE", path)]).with_files().unwrap();
        assert_eq!(read.get("AWS_WEB_IDENTITY_TOKEN_FILE"), Some(path));
        assert_eq!(read.get("AWS_WEB_IDENTITY_TOKEN"), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_at_most_halved() {
        let retry = Retry { attempts: 9, first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let full: Vec<_> = (1..=6).map(|attempt| retry.pause(attempt, 0.0).as_millis()).collect();
        assert_eq!(full, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(retry.pause(1, 1.0), Duration::from_millis(50));
        assert_eq!(retry.pause(u32::MAX, 0.0), Duration::from_secs(1));
    }
}
