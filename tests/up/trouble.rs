//! A session that meets trouble.

use std::net::TcpListener;

use mini_pra_tests::{Data, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::family::{Relative, child, children, lives};
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
    for (vital, other, name) in
        [("replicate", "runtime-config", "checkpointer"), ("runtime-config", "replicate", "host")]
    {
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

#[test]
fn an_application_goes_on_where_a_store_refuses_its_replicator() {
    let data = Data::new();
    let url = format!("file://{}", data.path().join("replica").display());
    let (one, other) = (data.path().join("one"), data.path().join("other"));
    std::fs::create_dir(data.path().join("replica")).unwrap();
    let (mut before, client) = start(&data, &mut up(&other));
    client.get("/add?message=kept").expect(200);
    assert!(before.stop().success());
    // The first has the replica, whatever the second is told.
    let (mut first, _client) = start(&data, up(&one).env("PRA_REPLICA", &url).env("PRA_FIRST_INSTALL", "true"));
    wait_until("the first has claimed the replica", || data.path().join("replica/lease.json").exists());
    let (mut second, client) = start(&data, up(&other).env("PRA_REPLICA", &url));
    wait_until("the second says that it is refused", || second.output().contains("the replicator was refused"));
    let output = second.output();
    for words in ["The application and its backups go on", "backup-job replicate --database"] {
        assert!(output.contains(words), "'{words}' is not in\n{output}");
    }
    assert_eq!(client.get_json("/count")["count"], 1);
    // The checkpointer that took its place bounds the log.
    let keeps = || children(second.pid()).iter().any(|child| child.arguments.contains("replicate"));
    wait_until("a checkpointer without a replica is at work", keeps);
    assert!(second.stop().success() && first.stop().success());
}
