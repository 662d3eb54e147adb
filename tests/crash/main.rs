//! `backup-job` dies at each of its file operations in turn, or the power fails there, or the disk is full.
//!
//! ```text
//! Scenario ── traced once ──► its operations ──► for each: a fresh place ─ dies ─► checked ─ runs again ─► checked
//! ```
//! After every death: the database is the old or the new one, whole, with every acknowledged event; each backup that
//! was verified still is, byte for byte; the catalog reads; and the same command succeeds without repair.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod death;
mod key;
mod place;
mod replica;
mod scenario;
mod sweep;
mod template;

use scenario::Scenario;

#[test]
fn an_init_that_creates_leaves_no_database_or_a_whole_one() {
    sweep::run(&Scenario::init_creating());
}

#[test]
fn an_init_that_restores_never_leaves_an_empty_application() {
    sweep::run(&Scenario::init_restoring());
}

#[test]
fn an_init_that_dies_anywhere_leaves_a_database_whose_backups_are_its_own() {
    sweep::run(&Scenario::init_of_a_lost_volume());
}

#[test]
fn an_init_beside_a_stale_wal_restores_what_was_backed_up() {
    sweep::run(&Scenario::init_beside_a_stale_wal());
}

#[test]
fn the_first_backup_is_there_whole_or_not_at_all() {
    sweep::run(&Scenario::first_backup());
}

#[test]
fn a_backup_of_a_changed_database_harms_neither_it_nor_older_backups() {
    sweep::run(&Scenario::backup_of_a_changed_database());
}

#[test]
fn a_backup_of_an_unchanged_database_is_a_hard_link_or_nothing() {
    sweep::run(&Scenario::backup_of_an_unchanged_database());
}

#[test]
fn pruning_removes_only_what_the_rules_let_go() {
    sweep::run(&Scenario::prune());
}

#[test]
fn a_verification_publishes_the_whole_catalog_or_keeps_the_old_one() {
    sweep::run(&Scenario::verify());
}

#[test]
fn a_restore_in_place_is_one_transaction() {
    sweep::run(&Scenario::restore_in_place());
}

#[test]
fn a_restore_in_place_that_shrinks_a_database_without_wal_is_one_transaction() {
    sweep::run(&Scenario::restore_in_place_shrinking_without_wal());
}

#[test]
fn a_restore_in_place_that_grows_a_database_without_wal_is_one_transaction() {
    sweep::run(&Scenario::restore_in_place_growing_without_wal());
}

#[test]
fn a_replacement_of_a_readable_database_loses_none_of_its_wal_before_it_is_safe() {
    sweep::run(&Scenario::replace_readable());
}

#[test]
fn a_replacement_of_a_damaged_database_leaves_the_restore_point_or_the_damage() {
    sweep::run(&Scenario::replace_damaged());
}

#[test]
fn a_restore_over_a_missing_database_is_not_mixed_with_a_stale_wal() {
    sweep::run(&Scenario::restore_missing());
}

#[test]
fn an_encrypted_backup_is_there_whole_or_not_at_all_and_nothing_plain_ever() {
    sweep::run(&Scenario::encrypted_backup());
}

#[test]
fn a_restore_in_place_encrypts_the_state_before_and_nothing_plain_is_stored() {
    sweep::run(&Scenario::restore_in_place_encrypting());
}

#[test]
fn a_replacement_encrypts_the_state_before_and_nothing_plain_is_stored() {
    sweep::run(&Scenario::replace_encrypting());
}

#[test]
fn an_encrypted_backup_is_restored_in_one_transaction_and_leaves_no_plaintext_behind() {
    sweep::run(&Scenario::restore_of_an_encrypted_backup());
}

#[test]
fn an_init_from_an_encrypted_backup_never_leaves_an_empty_application() {
    sweep::run(&Scenario::init_of_an_encrypted_backup());
}

/// The sweep itself must be able to fail: without syncs, what it checks does not hold.
#[test]
fn a_disk_that_only_pretends_to_sync_is_found_out() {
    for kind in ["sync", "sync-folder"] {
        assert!(
            sweep::fails_on_a_disk_deaf_to(&Scenario::backup_of_a_changed_database(), kind),
            "backup without {kind}"
        );
    }
    assert!(sweep::fails_on_a_disk_deaf_to(&Scenario::replace_readable(), "sync"), "replace without sync");
}
