//! Who writes to a replica now, and what that means for another who wants to.

use std::path::PathBuf;
use std::time::Duration;

use pra_core::{Code, EpochId, Error, Result, WriterId};
use serde::{Deserialize, Serialize};

use super::Database;
use super::document::Format;

pub(super) const FORMAT: Format = Format { name: "mini-pra-lease", version: 2 };

/// A lease that was not renewed for so long, by the store's clock, has expired.
pub const EXPIRES_AFTER: Duration = Duration::from_secs(90);

/// Who writes, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Which.
    #[serde(rename = "writer")]
    pub id: WriterId,
    /// The machine or pod, for people.
    pub host: String,
    /// The Kubernetes namespace's; another one with the same writer is a copy of the volume.
    pub namespace_uid: Option<String>,
    /// The Kubernetes volume lease's.
    pub volume_uid: Option<String>,
    /// What it writes.
    #[serde(flatten)]
    pub database: Database,
    /// Where that lies on the writer's machine, without symbolic links. A restore beside it is a copy.
    #[serde(rename = "database_path")]
    pub path: PathBuf,
}

/// Who writes now, and how far it was when it last said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who.
    #[serde(flatten)]
    pub writer: Writer,
    /// One run of the writer, at random; it makes each lease unlike all others.
    pub session: u64,
    /// Counts the renewals of a session.
    pub renewals: u64,
    /// The epoch that the head is of. After a takeover, until the new one has begun, that of the one before.
    pub epoch: Option<EpochId>,
    /// The last transaction that the store had.
    pub head_txid: u64,
    /// When it was the database's. Milliseconds since 1970.
    pub head_timestamp_ms: i64,
    /// The writer is done: the next one need not wait until the lease expires.
    pub released: bool,
}

/// Whether one may write where a lease was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The lease is one's own: to go on.
    Mine,
    /// It was another's: to begin an epoch that names its own as the parent.
    Free,
}

/// What was found when a lease was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No lease.
    Nothing,
    /// One's own: to go on in its epoch.
    Mine(Lease),
    /// Another's, which binds no more: to begin an epoch that names its epoch as the parent.
    Other(Lease),
}

/// Whether `writer` may write where `lease` was found, which was last renewed `age` ago by the store's clock.
///
/// # Errors
/// [`Code::Busy`] where it may not, unless it says that it takes over; [`Code::Usage`] where the lease is for another
/// database.
pub fn judge(lease: &Lease, age: Duration, writer: &Writer, takeover: bool) -> Result<Standing> {
    lease.writer.database.require(&writer.database)?;
    let Writer { id, host, namespace_uid, volume_uid, database: _, path: _ } = &lease.writer;
    if *id == writer.id {
        if takeover {
            return Ok(Standing::Free);
        }
        let same_place = (namespace_uid, volume_uid) == (&writer.namespace_uid, &writer.volume_uid);
        // Of a copy of the volume, where nothing else tells it from the original: both live, on two machines.
        let elsewhere = *host != writer.host && !lease.released && age < EXPIRES_AFTER;
        if same_place && !elsewhere {
            return Ok(Standing::Mine);
        }
        if same_place {
            return Err(alive(lease, age));
        }
        let place = |writer: &Writer| {
            let uid = |uid: &Option<String>| uid.clone().unwrap_or_else(|| "none".to_owned());
            format!("namespace {}, volume {}", uid(&writer.namespace_uid), uid(&writer.volume_uid))
        };
        let (theirs, ours) = (place(&lease.writer), place(writer));
        let message = format!("this is a copy: the replica is written by writer {id} of {theirs}, and here is {ours}");
        return Err(Error::new(Code::Busy, message).hint(
            "give the copy a replica of its own; or, if this one is to go on from here, say --takeover: it begins a \
             history of its own",
        ));
    }
    if takeover || lease.released || age >= EXPIRES_AFTER {
        return Ok(Standing::Free);
    }
    Err(alive(lease, age))
}

/// The error for a lease that another writer holds.
fn alive(lease: &Lease, age: Duration) -> Error {
    let Writer { id, host, .. } = &lease.writer;
    let left = EXPIRES_AFTER.saturating_sub(age).as_secs() + 1;
    let message = format!("the replica is being written by writer {id} on '{host}', seen {} s ago", age.as_secs());
    Error::new(Code::Busy, message).hint(format!(
        "stop it there, or wait: its lease expires in {left} s unless it is renewed; or say --takeover: what it writes \
         from then on is lost to restores"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(id: u128) -> WriterId {
        format!("{id:032x}").parse().unwrap()
    }

    fn writer(id: u128, volume: Option<&str>) -> Writer {
        Writer {
            id: number(id),
            host: format!("host-{id}"),
            namespace_uid: Some("ns".to_owned()),
            volume_uid: volume.map(str::to_owned),
            database: Database { id: "0000000000000000000000000000000d".parse().unwrap(), name: "app.db".to_owned() },
            path: "/data/app.db".into(),
        }
    }

    fn lease(writer: Writer) -> Lease {
        let epoch = Some("20261125T202345Z-1a2b3c4d".parse().unwrap());
        Lease { writer, session: 1, renewals: 2, epoch, head_txid: 3, head_timestamp_ms: 4, released: false }
    }

    const FRESH: Duration = Duration::ZERO;

    #[test]
    fn a_lease_of_another_binds_until_it_is_90_seconds_old() {
        let (theirs, me) = (lease(writer(1, Some("v"))), writer(2, Some("w")));
        for (milliseconds, free) in [(0, false), (30_000, false), (89_999, false), (90_000, true), (u64::MAX, true)] {
            let age = Duration::from_millis(milliseconds);
            let standing = judge(&theirs, age, &me, false);
            assert_eq!(standing.is_ok(), free, "{milliseconds} ms: {standing:?}");
            assert_eq!(judge(&theirs, age, &me, true).unwrap(), Standing::Free);
        }
    }

    #[test]
    fn the_refusal_names_writer_host_age_and_the_flag() {
        let error = judge(&lease(writer(1, None)), Duration::from_secs(12), &writer(2, None), false).unwrap_err();
        assert_eq!(error.code(), Code::Busy);
        let message = error.to_string();
        for part in [&number(1).to_string(), "'host-1'", "12 s ago"] {
            assert!(message.contains(part), "{message}");
        }
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("--takeover") && hint.contains("in 79 s"), "{hint}");
    }

    #[test]
    fn a_released_lease_is_free_and_is_not_continued() {
        let released = Lease { released: true, ..lease(writer(1, None)) };
        assert_eq!(judge(&released, FRESH, &writer(2, None), false).unwrap(), Standing::Free);
        assert_eq!(judge(&released, FRESH, &writer(1, None), false).unwrap(), Standing::Mine);
    }

    #[test]
    fn my_own_lease_is_mine_at_any_age() {
        let mine = lease(writer(1, Some("v")));
        for age in [FRESH, EXPIRES_AFTER, Duration::MAX] {
            assert_eq!(judge(&mine, age, &writer(1, Some("v")), false).unwrap(), Standing::Mine);
        }
    }

    #[test]
    fn my_own_lease_on_another_machine_is_a_copys_until_it_has_expired() {
        let mine = lease(writer(1, Some("v")));
        let moved = Writer { host: "another".to_owned(), ..writer(1, Some("v")) };
        assert_eq!(judge(&mine, FRESH, &moved, false).unwrap_err().code(), Code::Busy);
        assert_eq!(judge(&mine, EXPIRES_AFTER, &moved, false).unwrap(), Standing::Mine);
        let released = Lease { released: true, ..mine };
        assert_eq!(judge(&released, FRESH, &moved, false).unwrap(), Standing::Mine);
    }

    #[test]
    fn a_copied_volume_is_a_copy_at_any_age_and_in_whatever_state() {
        let here = writer(1, Some("copy"));
        let mut other_namespace = writer(1, Some("v"));
        other_namespace.namespace_uid = None;
        for me in [here, other_namespace, writer(1, None)] {
            for theirs in [lease(writer(1, Some("v"))), Lease { released: true, ..lease(writer(1, Some("v"))) }] {
                for age in [FRESH, Duration::MAX] {
                    let error = judge(&theirs, age, &me, false).unwrap_err();
                    assert_eq!(error.code(), Code::Busy);
                    assert!(error.to_string().contains("this is a copy"), "{error}");
                    assert!(error.hint_text().unwrap().contains("--takeover"));
                    assert_eq!(judge(&theirs, age, &me, true).unwrap(), Standing::Free);
                }
            }
        }
    }

    #[test]
    fn a_lease_reads_as_it_was_written() {
        for lease in [lease(writer(1, Some("v"))), Lease { epoch: None, ..lease(writer(u128::MAX, None)) }] {
            let text = FORMAT.encode(&lease).unwrap();
            assert_eq!(FORMAT.decode::<Lease>("lease.json", &text).unwrap(), lease);
        }
        let newer = br#"{"format":"mini-pra-lease","version":3}"#;
        let error = FORMAT.decode::<Lease>("lease.json", newer).unwrap_err();
        assert_eq!(error.code(), Code::Damaged);
        assert!(error.to_string().contains("version 3"), "{error}");
    }

    #[test]
    fn a_lease_for_another_database_binds_for_ever_and_no_takeover_ends_it() {
        let theirs = lease(writer(1, None));
        let mut me = writer(2, None);
        me.database = Database { id: pra_core::DatabaseId::random(), name: "auxiliary.db".to_owned() };
        for theirs in [Lease { released: true, ..theirs.clone() }, theirs] {
            for (age, takeover) in [(FRESH, false), (Duration::MAX, false), (Duration::MAX, true)] {
                let error = judge(&theirs, age, &me, takeover).unwrap_err();
                assert_eq!(error.code(), Code::Usage);
                for part in ["'app.db'", "'auxiliary.db'"] {
                    assert!(error.to_string().contains(part), "{error}");
                }
                assert!(!error.hint_text().unwrap().contains("--takeover"));
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
            prop_assert!(FORMAT.decode::<Lease>("lease.json", text.as_bytes()).is_err());
        }
    }
}
