//! A session that goes well.

use std::path::Path;
use std::process::Command;

use mini_pra_tests::{Client, Data, Process, wait_until, xtask};

use crate::family::{child, children, lives};

/// `cargo xtask up` on `folder` and a free port, without the building.
pub(crate) fn up(folder: &Path) -> Command {
    up_on(folder, 0)
}

/// The same on a given port.
pub(crate) fn up_on(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(xtask());
    command.args(["up", "--no-build", "--every", "1s", "--port", &port.to_string(), "--data"]).arg(folder);
    command.current_dir(mini_pra_tests::root());
    command
}

/// Starts it and waits until it serves.
#[track_caller]
pub(crate) fn start(data: &Data, command: &mut Command) -> (Process, Client) {
    let mut session = Process::start(command, &data.log("up"));
    let line = session.line("Serving ");
    let url = line.split(',').next().unwrap();
    let client = Client::new(url);
    (session, client)
}

#[test]
fn it_serves_prints_three_commands_and_makes_backups() {
    let data = Data::new();
    let folder = data.path().join("var");
    let (mut session, client) = start(&data, &mut up(&folder));
    assert_eq!(client.get_json("/add?message=hello")["status"], "added");
    session.line("backup-");
    client.get("/add?message=again").expect(200);
    wait_until("a backup of two events", || session.output().contains("  2 events"));
    wait_until("an unchanged one", || session.output().contains("unchanged"));
    let status = client.get_json("/status");
    assert!(status["last_backup_file"].as_str().unwrap().starts_with("backup-"), "{status}");
    let output = session.output();
    for words in ["/add?message=hello'", "/status\n", "backup-job restore --database", "--point latest", "var/backup"] {
        assert!(output.contains(words), "'{words}' is not in\n{output}");
    }
    assert!(folder.join("data/app.db").is_file());
    assert!(session.stop().success());
}

#[test]
fn the_printed_restore_command_works_as_printed() {
    let data = Data::new();
    let folder = data.path().join("var");
    let (mut session, client) = start(&data, &mut up(&folder));
    client.get("/add?message=kept").expect(200);
    wait_until("a backup of one event", || session.output().contains("  1 events"));
    client.get("/add?message=undone").expect(200);
    let output = session.output();
    let command = output.lines().map(str::trim).find(|line| line.contains("backup-job restore")).unwrap().to_owned();
    // The one with one event, since a later backup may already hold both.
    let first = output.lines().find(|line| line.contains("  1 events")).unwrap();
    let command = command.replace("latest", first.split(' ').next().unwrap()) + " --yes";
    let result = Command::new("sh").args(["-c", &command]).current_dir(mini_pra_tests::root()).output().unwrap();
    assert!(result.status.success(), "{command}\n{}", String::from_utf8_lossy(&result.stderr));
    assert_eq!(client.get_json("/count")["count"], 1);
    assert!(session.stop().success());
}

#[test]
fn it_ends_host_and_checkpointer_and_comes_back_with_the_data() {
    let data = Data::new();
    let folder = data.path().join("var");
    let (mut session, client) = start(&data, &mut up(&folder));
    client.get("/add?message=kept").expect(200);
    let family = [child(session.pid(), "runtime-config"), child(session.pid(), "replicate")];
    let noted = std::fs::read_to_string(folder.join("server.pid")).unwrap();
    assert_eq!(noted.trim(), family[0].pid.to_string());
    assert!(session.stop().success(), "{}", session.output());
    assert!(!family.iter().any(lives));
    assert!(!folder.join("server.pid").exists(), "the number may be another process's soon");
    assert!(!folder.join("data/app.db-wal").exists(), "the last one to leave has not tidied up");
    let (mut again, client) = start(&data, &mut up(&folder));
    assert_eq!(client.get_json("/consultation")[0]["message"], "kept");
    assert!(again.stop().success());
}

#[test]
fn the_terminals_ctrl_c_reaches_xtask_alone() {
    let data = Data::new();
    let (mut session, _client) = start(&data, &mut up(&data.path().join("var")));
    let group = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let group = |pid| group(pid).rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().to_owned();
    let own = group(session.pid());
    for relative in children(session.pid()) {
        assert_ne!(group(relative.pid), own, "{relative:?}");
    }
    session.signal(nix::sys::signal::Signal::SIGINT);
    assert!(session.wait().success());
}
