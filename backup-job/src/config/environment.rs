//! The environment that the process has instead of the one that it inherited.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use pra_core::configuration::{Document, Entry, Mistake, Value};
use pra_core::{Code, Error, Result};
use store::objects::{Setting, setting};

/// Variables of ours and of libraries, beside those of the stores.
const OTHERS: [&str; 6] = ["PRA_LOG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE"];
/// Those of OpenTelemetry's specification.
const TELEMETRY: &str = "OTEL_";
/// Where the kubelet says that the API server is; it is no configuration, and no shim takes it away.
const KEPT: [&str; 2] = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];

type Variables = BTreeMap<OsString, OsString>;

/// The variables that the file asks for, and what is wrong with them.
pub(super) fn wanted(document: &Document) -> (Variables, Vec<Mistake>) {
    let (mut wanted, mut mistakes) = (Variables::new(), Vec::new());
    for Entry { line, key, value } in &document.variables {
        let mut wrong = |says: String| mistakes.push(Mistake { line: *line, key: format!("environment.{key}"), says });
        let text = match value {
            Value::One(text) => text.clone(),
            Value::Switch(switch) => switch.to_string(),
            Value::Many(_) => {
                wrong("expected a text, found an array".to_owned());
                continue;
            }
        };
        match meant(key) {
            Setting::Known => drop(wanted.insert(key.into(), text.into())),
            Setting::Secret { file: Some(file) } => {
                wrong(format!("a secret belongs in a file of its own, which {file} names"))
            }
            Setting::Secret { file: None } => wrong("a secret does not belong in this file".to_owned()),
            Setting::Unknown => wrong("there is no setting of this name".to_owned()),
        }
    }
    (wanted, mistakes)
}

fn meant(name: &str) -> Setting {
    match name {
        _ if OTHERS.contains(&name) => Setting::Known,
        _ if name.starts_with(TELEMETRY) && name.ends_with("_HEADERS") => Setting::Secret { file: None },
        _ if name.starts_with(TELEMETRY) => Setting::Known,
        _ => setting(name),
    }
}

/// Goes on as a new process image with exactly these variables, unless this one has them already.
pub(super) fn start_anew(arguments: &[OsString], mut wanted: Variables) -> Result<()> {
    let has: Variables = std::env::vars_os().collect();
    wanted.extend(has.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())));
    if has == wanted {
        return Ok(());
    }
    let failed = |e| Error::new(Code::Failed, "failed to start anew without the inherited environment").because(e);
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    if let Some((name, rest)) = arguments.split_first() {
        command.arg0(name).args(rest);
    }
    // It returns only where it failed.
    Err(failed(command.env_clear().envs(wanted).exec()))
}

fn is_kept(name: &OsStr) -> bool {
    let for_tests = cfg!(feature = "crash-points")
        && ["PRA_CRASH", "PRA_TEST"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix));
    for_tests || KEPT.iter().any(|kept| name == *kept)
}
