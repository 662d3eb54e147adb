//! What a running program has used so far.

use std::time::Duration;

use anyhow::{Context, Result};

/// Linux counts processor time for `/proc` in hundredths of a second on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Of one process, since its start; its children are not in it.
#[derive(Debug, PartialEq)]
pub(crate) struct Usage {
    /// Processor time, in user space and in the kernel.
    pub(crate) cpu: Duration,
    /// Most memory that it ever had resident, the pages of its own program file included.
    pub(crate) peak_rss_mib: f64,
    /// What it has resident now that is its own and in no file.
    pub(crate) private_mib: f64,
}

/// Looks at a running process.
///
/// # Errors
/// Where it has ended.
pub(crate) fn of(process: u32) -> Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("failed to read '{path}'"))
    };
    parse(&read("stat")?, &read("status")?).with_context(|| format!("failed to parse '/proc/{process}'"))
}

/// `stat` and `status` as proc(5) describes them.
fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The program's name may hold spaces and brackets; the state is the first field after it, the times the 12th and 13th.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(f64::from);
    let cpu = Duration::from_secs_f64((ticks()? + ticks()?) / TICKS_PER_SECOND);
    let mib = |name| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u32 = value.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    };
    Some(Usage { cpu, peak_rss_mib: mib("VmHWM:")?, private_mib: mib("RssAnon:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_are_found_whatever_the_program_is_called() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1000 0 0 0 150 50 7 8 20 0 9 0 123 456";
        let status = "Name:\ta ) b\nVmPeak:\t 9999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nRssAnon:\t    512 kB\n";
        let expected = Usage { cpu: Duration::from_secs(2), peak_rss_mib: 2.0, private_mib: 0.5 };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse(stat, "Name:\tgone\n"), None);
    }
}
