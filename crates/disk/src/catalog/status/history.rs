//! What the status keeps of the past, and how full the volumes are.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{KEPT, Lag, Place, Replica, Restore, Status, Volume};
use crate::files;

/// Time between two lags that are kept, and how many of each replica: three hours of them.
const LAG_PERIOD: SignedDuration = SignedDuration::from_secs(60);
const LAGS_KEPT: usize = 180;

impl Status {
    /// Adds a restore, or says how it ended; the oldest beyond the number that is kept goes.
    pub fn add_restore(&mut self, restore: Restore) {
        self.restores.retain(|other| other.began != restore.began);
        self.restores.push(restore);
        self.restores.sort_by_key(|restore| std::cmp::Reverse(restore.began));
        self.restores.truncate(KEPT);
    }

    /// Notes how full the volume of `path` is, the database or the backup folder. One that cannot be asked is left as it
    /// was known.
    pub fn note_room(&mut self, place: Place, path: &Path, at: Timestamp) {
        let room = match place {
            Place::Data => files::room(files::folder_of(path)),
            Place::Backup => files::room(path),
        };
        match room {
            Ok((total, free)) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string();
                self.volumes.retain(|other| other.place != place);
                self.volumes.push(Volume { place, path, at, total, free });
                self.volumes.sort_by_key(|volume| volume.place.as_str());
            }
            Err(error) => tracing::debug!(error = error.chain(), "the room of a volume is not known"),
        }
    }

    /// The state of the replicas now, and their lag once a minute. Replicas that are no longer configured are removed.
    /// What the checks said stays known until they are run again: a replicator that was started anew runs them later.
    pub fn set_replicas(&mut self, mut replicas: Vec<Replica>, now: Timestamp) {
        for replica in replicas.iter_mut().filter(|replica| replica.warnings.is_none()) {
            let before =
                self.replicas.iter().find(|before| (&before.url, &before.epoch) == (&replica.url, &replica.epoch));
            replica.warnings = before.and_then(|before| before.warnings.clone());
        }
        // An entry from the future, written with a wrong clock, would keep out all later ones.
        self.lags.retain(|lag| lag.at <= now && replicas.iter().any(|replica| replica.url == lag.url));
        for Replica { url, synced, .. } in &replicas {
            let Some(synced) = synced else { continue };
            let last = self.lags.iter().rev().find(|lag| lag.url == *url);
            if last.is_some_and(|last| now.duration_since(last.at) < LAG_PERIOD) {
                continue;
            }
            let seconds = now.duration_since(*synced).as_secs_f64().max(0.0);
            self.lags.push(Lag { url: url.clone(), at: now, seconds });
            let count = self.lags.iter().filter(|lag| lag.url == *url).count();
            if count > LAGS_KEPT
                && let Some(oldest) = self.lags.iter().position(|lag| lag.url == *url)
            {
                self.lags.remove(oldest);
            }
        }
        self.replicas = replicas;
    }
}
