//! The credentials for a registry. They are never arguments, which every user of the machine can read.

use std::env;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

const USERNAME: &str = "REGISTRY_USERNAME";
const PASSWORD: &str = "REGISTRY_PASSWORD";

/// How Docker's credential helpers say that they know nothing of a registry.
const NOT_FOUND: &str = "credentials not found";

/// The credentials for `registry`: the environment's, else those of `docker login`, else none.
///
/// # Errors
/// Half of a pair, or a configuration that cannot be used.
pub(crate) fn of(registry: &str) -> Result<RegistryAuth> {
    match from(|name| env::var(name).ok().filter(|value| !value.is_empty()))? {
        Some(auth) => Ok(auth),
        None => of_docker(registry),
    }
}

fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Option<RegistryAuth>> {
    match (variable(USERNAME), variable(PASSWORD)) {
        (Some(username), Some(password)) => Ok(Some(RegistryAuth::Basic(username, password))),
        (None, None) => Ok(None),
        _ => bail!("{USERNAME} and {PASSWORD} are needed both, or neither"),
    }
}

fn of_docker(registry: &str) -> Result<RegistryAuth> {
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let Some(folder) = folder.or_else(|| Some(env::home_dir()?.join(".docker"))) else {
        return Ok(RegistryAuth::Anonymous);
    };
    let file = folder.join("config.json");
    match File::open(&file) {
        Ok(config) => read(config, registry).with_context(|| format!("failed to use '{}'", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(RegistryAuth::Anonymous),
        Err(error) => Err(error).with_context(|| format!("failed to open '{}'", file.display())),
    }
}

fn read(config: impl Read, registry: &str) -> Result<RegistryAuth> {
    // What `docker login` has called its own registry since its first days.
    let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    match docker_credential::get_credential_from_reader(config, server) {
        Ok(DockerCredential::UsernamePassword(username, password)) => Ok(RegistryAuth::Basic(username, password)),
        Ok(DockerCredential::IdentityToken(_)) => {
            bail!("it has an identity token for '{registry}', which is not supported: set {USERNAME} and {PASSWORD}")
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(RegistryAuth::Anonymous),
        Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.starts_with(NOT_FOUND) => {
            Ok(RegistryAuth::Anonymous)
        }
        // Without what it said: that may be the secret.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => bail!("'{helper}' failed for '{registry}'"),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_password_is_a_mistake_and_not_nobody() {
        let only = |set: &'static str| from(move |name| (name == set).then(|| "x".to_owned()));
        assert!(only(USERNAME).is_err() && only(PASSWORD).is_err());
        assert_eq!(only("OTHER").unwrap(), None);
        assert!(matches!(from(|name| Some(name.to_owned())).unwrap(), Some(RegistryAuth::Basic(_, _))));
    }

    #[test]
    fn the_entry_of_docker_login_is_found_and_nobody_elses() {
        // "me:secret"
        let config = r#"{"auths": {"localhost:5000": {"auth": "bWU6c2VjcmV0"}}}"#;
        let found = read(config.as_bytes(), "localhost:5000").unwrap();
        assert_eq!(found, RegistryAuth::Basic("me".to_owned(), "secret".to_owned()));
        assert_eq!(read(config.as_bytes(), "ghcr.io").unwrap(), RegistryAuth::Anonymous);
        assert!(read("{".as_bytes(), "ghcr.io").is_err());
    }
}
