//! The processes of one `up` start and end together.

use std::fs;

/// A process, as /proc tells.
#[derive(Clone, Debug)]
pub(crate) struct Relative {
    pub(crate) pid: u32,
    parent: u32,
    state: char,
    pub(crate) arguments: String,
}

/// The living children of `pid`.
pub(crate) fn children(pid: u32) -> Vec<Relative> {
    let processes = fs::read_dir("/proc").expect("there is no /proc").filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        relative(pid)
    });
    processes.filter(|process| process.parent == pid && process.state != 'Z').collect()
}

/// The child whose command line contains `text`.
#[track_caller]
pub(crate) fn child(pid: u32, text: &str) -> Relative {
    let children = children(pid);
    let found = children.iter().find(|process| process.arguments.contains(text));
    found.unwrap_or_else(|| panic!("no '{text}' in {children:?}")).clone()
}

/// Whether the process still runs, and is the same.
pub(crate) fn lives(process: &Relative) -> bool {
    relative(process.pid).is_some_and(|now| now.state != 'Z' && now.arguments == process.arguments)
}

/// `None` where it is gone.
fn relative(pid: u32) -> Option<Relative> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, brackets and spaces too.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
    Some(Relative { pid, parent, state, arguments })
}
