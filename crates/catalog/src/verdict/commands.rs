//! What one types, with the paths that `backup-job` was given.

use serde::Serialize;

use crate::record::{Place, Volume};

/// Where the database and the backups are, as commands name them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// The database; `None` if it is not configured.
    database: Option<String>,
    /// The backup folder.
    backups: Option<String>,
    /// Whether they are where the pods of a cluster have them: then kubectl is what people have at hand.
    cluster: bool,
}

impl Commands {
    /// `backup-job`'s defaults are the mount points in its image; other environments use other paths.
    const IN_A_POD: (&str, &str) = ("/data/app.db", "/backup");

    /// With the paths that these volumes tell.
    pub fn new(volumes: &[Volume]) -> Self {
        let path = |place| volumes.iter().find(|volume| volume.place == place).map(|volume| volume.path.clone());
        let (database, backups) = (path(Place::Data), path(Place::Backup));
        let cluster = match (&database, &backups) {
            (Some(database), Some(backups)) => (database.as_str(), backups.as_str()) == Self::IN_A_POD,
            // An old catalog, or none: both kinds are shown, those of a cluster first.
            _ => true,
        };
        Self { database, backups, cluster }
    }

    /// Restores a point.
    pub fn restore(&self, point: &str) -> String {
        let point = quoted(point);
        match self.cluster {
            true => format!("kubectl pra restore --point {point}"),
            false => format!("backup-job restore{}{} --point {point}", self.database(), self.backups()),
        }
    }

    /// Makes a backup.
    pub fn backup(&self) -> String {
        match self.cluster {
            true => "kubectl pra backup".to_owned(),
            false => format!("backup-job backup{}{}", self.database(), self.backups()),
        }
    }

    /// Another backup, which keeps what these rules say.
    fn backup_keeping(&self, rules: &str) -> String {
        let rules: Vec<String> = rules.split_whitespace().map(quoted).collect();
        format!("backup-job backup{}{} {}", self.database(), self.backups(), rules.join(" "))
    }

    /// What helps where the rules come to keep more than the backup volume has room for: a volume of `wanted_bytes`, or
    /// rules that keep less.
    pub fn make_room(&self, wanted_bytes: u64, rules: Option<&str>) -> Option<String> {
        const GIB: u64 = 1 << 30;
        match self.cluster {
            true => Some(format!(
                "kubectl patch pvc pra-backup -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{}Gi\"}}}}}}}}'",
                wanted_bytes.div_ceil(GIB)
            )),
            false => rules.map(|rules| self.backup_keeping(rules)),
        }
    }

    /// Rehearses a restore.
    pub fn rehearse(&self) -> String {
        match self.cluster {
            true => "kubectl create job rehearse-now --from=cronjob/rehearse".to_owned(),
            false => format!("backup-job rehearse{}", self.backups()),
        }
    }

    fn database(&self) -> String {
        self.database.as_ref().map(|path| format!(" --database {}", quoted(path))).unwrap_or_default()
    }

    fn backups(&self) -> String {
        self.backups.as_ref().map(|path| format!(" --backups {}", quoted(path))).unwrap_or_default()
    }
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._:+/-".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn volume(place: Place, path: &str) -> Volume {
        Volume { place, path: path.to_owned(), at: Timestamp::UNIX_EPOCH, total: 1, free: 1 }
    }

    #[test]
    fn commands_name_the_paths_and_kubectl_comes_first_only_in_a_pod() {
        let pod = Commands::new(&[volume(Place::Backup, "/backup"), volume(Place::Data, "/data/app.db")]);
        assert_eq!(pod.restore("backup-1.db"), "kubectl pra restore --point backup-1.db");
        let server = Commands::new(&[volume(Place::Backup, "/srv/my backups"), volume(Place::Data, "/srv/app.db")]);
        let typed = "backup-job restore --database /srv/app.db --backups '/srv/my backups' --point 'it'\\''s.db'";
        assert_eq!(server.restore("it's.db"), typed);
        assert_eq!(server.rehearse(), "backup-job rehearse --backups '/srv/my backups'");
        let keeping = "backup-job backup --database /srv/app.db --backups '/srv/my backups' --keep-last 5";
        assert_eq!(server.make_room(1, Some("--keep-last 5")).as_deref(), Some(keeping));
        assert_eq!(server.make_room(1, None), None, "no rules would do");
        let larger = r#"kubectl patch pvc pra-backup -p '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}'"#;
        assert_eq!(pod.make_room((2 << 30) + 1, None).as_deref(), Some(larger));
        assert!(Commands::new(&[]).cluster);
    }
}
