//! Where a replica is: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///folder`.
//!
//! A URL ends up in logs, process lists and manifests, so it holds nothing but the place. Keys, endpoint and region
//! come from the environment; a URL that holds any of them is refused, without being repeated in the error.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use pra_core::{Code, Error, Result};

/// What kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Amazon S3, or anything that speaks its language.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
    /// A folder.
    File,
}

impl Scheme {
    /// As it is written before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
            Self::File => "file",
        }
    }

    /// Where its settings come from, for hints.
    fn settings(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and AWS_REGION",
            Self::Gs => "GOOGLE_SERVICE_ACCOUNT or GOOGLE_APPLICATION_CREDENTIALS",
            Self::Az => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
            Self::File => "nowhere: a folder needs none",
        }
    }
}

/// Where a replica is. `Display` is safe to log, and parses back to the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaUrl {
    scheme: Scheme,
    /// Empty for a folder.
    bucket: String,
    /// Without a slash at either end; for a folder without its first one.
    path: String,
}

/// What a path of a `file:` URL shows encoded.
const IN_FILE_URL: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');

impl ReplicaUrl {
    /// What kind of store.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container; empty for a folder.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What all keys in the bucket begin with, without a slash at either end; empty for the whole bucket.
    pub fn prefix(&self) -> &str {
        &self.path
    }

    /// The folder, where it is one.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| Path::new("/").join(&self.path))
    }
}

impl fmt::Display for ReplicaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, bucket, path } = self;
        match scheme {
            Scheme::File => write!(f, "file:///{}", utf8_percent_encode(path, IN_FILE_URL)),
            _ if path.is_empty() => write!(f, "{}://{bucket}", scheme.name()),
            _ => write!(f, "{}://{bucket}/{path}", scheme.name()),
        }
    }
}

impl FromStr for ReplicaUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [Scheme::S3, Scheme::Gs, Scheme::Az, Scheme::File];
        let found = known.into_iter().find_map(|scheme| {
            let rest = text.strip_prefix(scheme.name())?.strip_prefix("://")?;
            Some((scheme, rest))
        });
        let Some((scheme, rest)) = found else {
            let error = Error::new(Code::Usage, "a replica's URL begins with s3://, gs://, az:// or file:///");
            return Err(match text.split_once("://") {
                None if text.starts_with('/') => error.hint(format!("for a folder, write file://{text}")),
                _ => error.hint("for example s3://my-bucket/events, or file:///mnt/replica"),
            });
        };
        if scheme == Scheme::File { parse_file(rest) } else { parse_bucket(scheme, rest) }
    }
}

/// What can be shown of a text that should have been a URL, in quotes: its scheme and its host or bucket, and the path
/// of a scheme of ours. Never what may be a key: what comes before an `@` or after a `:`, `?` or `#`, nor a text
/// without a scheme.
pub fn safe_part(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let is_name = !scheme.is_empty() && scheme.len() <= 16 && scheme.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_name {
        return None;
    }
    let plain = rest.split_once(['?', '#']).map_or(rest, |(before, _)| before);
    let (place, path) = plain.split_once('/').map_or((plain, ""), |(place, path)| (place, path));
    let is_ours = [Scheme::S3, Scheme::Gs, Scheme::Az, Scheme::File].iter().any(|ours| ours.name() == scheme);
    let shown = match (plain.contains('@'), place.split_once(':')) {
        (true, _) => "…".to_owned(),
        (false, Some((host, _))) => format!("{host}:…"),
        (false, None) if is_ours && plain.contains('/') => format!("{place}/{path}"),
        (false, None) => place.to_owned(),
    };
    let ellipsis = if plain.len() < rest.len() && !shown.ends_with('…') { "…" } else { "" };
    Some(format!("'{scheme}://{shown}{ellipsis}'"))
}

fn parse_file(rest: &str) -> Result<ReplicaUrl> {
    let wrong = |why: &str| Error::new(Code::Usage, format!("a URL that begins with file:// {why}"));
    let Some(path) = rest.strip_prefix('/') else {
        return Err(wrong("needs an absolute path").hint("three slashes: file:///mnt/replica"));
    };
    if path.contains(['?', '#']) {
        return Err(wrong("has no parameters").hint("write %3F for a question mark and %23 for a hash"));
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|error| wrong("must be UTF-8").because(error))?;
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(wrong("needs a folder").hint("the root of the file system is no place for a replica"));
    }
    let parts = path.split('/');
    if parts.clone().any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
        return Err(wrong("is a plain path: no '.', no '..', no doubled slash"));
    }
    Ok(ReplicaUrl { scheme: Scheme::File, bucket: String::new(), path: path.to_owned() })
}

fn parse_bucket(scheme: Scheme, rest: &str) -> Result<ReplicaUrl> {
    let name = scheme.name();
    // What was given may hold a key: it is not shown.
    let wrong = |why: &str| Error::new(Code::Usage, format!("a URL that begins with {name}:// {why}"));
    let settings = || format!("give it in the environment: {}", scheme.settings());
    if rest.contains('@') {
        return Err(wrong("holds no user and no key").hint(settings()));
    }
    if rest.contains(['?', '#']) {
        return Err(wrong("has no parameters").hint(settings()));
    }
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains(':') {
        return Err(wrong("holds a bucket, no host and no port").hint(settings()));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = (3..=222).contains(&bucket.len())
        && bucket.starts_with(|c: char| c.is_ascii_alphanumeric())
        && bucket.chars().all(is_plain);
    if !good {
        return Err(wrong("needs the name of a bucket").hint(format!("{name}://my-bucket/events")));
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_safe = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(|c| is_plain(c) || c == '=');
    if !path.is_empty() && !path.split('/').all(is_safe) {
        return Err(wrong("has a prefix of letters, digits and - _ . = between single slashes"));
    }
    Ok(ReplicaUrl { scheme, bucket: bucket.to_owned(), path: path.to_owned() })
}

#[cfg(test)]
mod tests;
