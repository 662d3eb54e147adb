//! A session that meets trouble.

use std::net::TcpListener;

use mini_pra_tests::{Data, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::family::{Relative, child, lives};
use crate::session::{start, up, up_on};

fn kill_process(process: &Relative) {
    kill(Pid::from_raw(i32::try_from(process.pid).unwrap()), Signal::SIGKILL).unwrap();
}

#[test]
fn a_folder_that_is_in_use_is_refused() {
    let data = Data::new();
    let folder = data.path().join("var");
    let (mut session, client) = start(&data, &mut up(&folder));
    let second = up(&folder).output().unwrap();
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && words.contains("in use by another"), "{words}");
    client.get("/health").expect(200);
    assert!(session.stop().success());
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_is_started() {
    let data = Data::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = data.path().join("var");
    let output = up_on(&folder, port).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(&port.to_string()) && words.contains("--port"), "{words}");
    assert!(!folder.exists());
}

#[test]
fn a_vital_child_that_ends_ends_everything_and_is_named() {
    for (vital, other, name) in [("replicate", "runtime-config", "keeper"), ("runtime-config", "replicate", "host")] {
        let data = Data::new();
        let (mut session, _client) = start(&data, &mut up(&data.path().join("var")));
        let (vital, other) = (child(session.pid(), vital), child(session.pid(), other));
        kill_process(&vital);
        assert_eq!(session.wait().code(), Some(1));
        assert!(session.output().contains(&format!("{name} ended unexpectedly")), "{}", session.output());
        assert!(!lives(&other));
    }
}

#[test]
fn children_do_not_outlive_a_killed_xtask() {
    let data = Data::new();
    let (mut session, _client) = start(&data, &mut up(&data.path().join("var")));
    let family = [child(session.pid(), "runtime-config"), child(session.pid(), "replicate")];
    session.kill();
    wait_until("the children to end", || !family.iter().any(lives));
}

#[test]
fn a_backup_that_fails_is_told_and_ends_nothing() {
    let data = Data::new();
    let folder = data.path().join("var");
    let (mut session, client) = start(&data, &mut up(&folder));
    session.line("backup-");
    client.get("/add").expect(200);
    // A file where the folder was: nothing can be written there, not even by root.
    std::fs::rename(folder.join("backup"), folder.join("aside")).unwrap();
    std::fs::write(folder.join("backup"), "").unwrap();
    session.line("backup failed");
    client.get("/add").expect(200);
    std::fs::remove_file(folder.join("backup")).unwrap();
    std::fs::rename(folder.join("aside"), folder.join("backup")).unwrap();
    wait_until("a backup of two events", || session.output().contains("  2 events"));
    assert!(session.stop().success());
}
