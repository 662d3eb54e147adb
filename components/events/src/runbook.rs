//! The pages of the runbook, for the dashboard's links: they work wherever the application does, in any copy of the
//! repository and without a network.

use crate::http::{Problem, Response};

macro_rules! pages {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../docs/runbook/", $name, ".md")))),*]
    };
}

const PAGES: [(&str, &str); 28] = pages! {
    "application-not-ready"
    "backup-not-verified"
    "backups-old"
    "claim-terminating"
    "clock-wrong"
    "cluster-lost"
    "database-damaged"
    "database-warnings"
    "drill-promise-broken"
    "exit-codes"
    "metrics-absent"
    "no-backup"
    "node-lost"
    "pod-died"
    "rehearsal-failed"
    "rehearsal-old"
    "replica-conditions"
    "replica-copy"
    "replica-encrypted"
    "replica-gap"
    "replica-lags"
    "replica-other-writer"
    "replicator-silent"
    "restore-stuck"
    "volume-full"
    "volume-lost"
    "wal-large"
    "wrong-data"
};

/// `GET /runbook/{page}`: as it is written, which people can read too.
pub(crate) fn page(name: &str) -> Result<Response, Problem> {
    let Some((_, text)) = PAGES.iter().find(|(page, _)| *page == name) else {
        return Err(Problem::new(404, "no-such-route", "the runbook has no such page"));
    };
    Ok(Response::text(200, "text/plain; charset=utf-8", text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_runbook_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut pages: Vec<_> = names.filter(|name| name != "README.md").collect();
        pages.sort();
        let served: Vec<_> = PAGES.iter().map(|(name, _)| format!("{name}.md")).collect();
        assert_eq!(pages, served);
        assert_eq!(page("backups-old").unwrap().status, 200);
        assert!(page("README").is_err() && page("").is_err());
    }
}
