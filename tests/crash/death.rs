//! The ways in which a run ends too early.

use std::path::Path;

use mini_pra_tests::{Job, JobAnswer};

use crate::place::Operation;

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The process is killed just before it.
    Kill,
    /// The process is killed in the middle of this write.
    Torn,
    /// The power fails: nothing that is not synced is on the disk.
    Power,
    /// The power fails: each thing that is not synced is on the disk or not, by this seed.
    Subset(u64),
    /// The disk is full from here on.
    Full,
    /// This operation fails with an input/output error.
    Broken,
}

impl Death {
    pub(crate) const ALL: [Self; 7] =
        [Self::Kill, Self::Torn, Self::Power, Self::Subset(1), Self::Subset(2), Self::Full, Self::Broken];

    /// Whether it means anything there.
    pub(crate) fn applies_to(self, operation: &Operation) -> bool {
        match self {
            Self::Torn => operation.kind == "write",
            Self::Full => ["create", "write", "link"].contains(&operation.kind.as_str()),
            Self::Broken => !operation.is_the_end(),
            _ => true,
        }
    }

    /// Whether the process lives on and has to say what went wrong.
    pub(crate) fn is_an_error(self) -> bool {
        matches!(self, Self::Full | Self::Broken)
    }

    /// Runs `job`, which is to die at this operation. The names that the layer has kept in `side` go then: a file has its
    /// own alone.
    pub(crate) fn strike(self, job: Job, number: usize, side: &Path) -> JobAnswer {
        let answer = self.arm(job, number, side).run();
        for entry in std::fs::read_dir(side).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        answer
    }

    /// Lets it happen to `job` at operation `number`.
    fn arm(self, job: Job, number: usize, side: &Path) -> Job {
        let number_text = number.to_string();
        let killed = |job: Job| job.env("PRA_CRASH_AT", &number_text);
        let power = |job: Job| killed(job).env("PRA_CRASH_MODE", "power").env("PRA_CRASH_SIDE", side);
        match self {
            Self::Kill => killed(job),
            Self::Torn => killed(job).env("PRA_CRASH_TORN", "1"),
            Self::Power => power(job),
            Self::Subset(seed) => power(job).env("PRA_CRASH_SUBSET", seed.to_string()),
            Self::Full => job.env("PRA_FAIL_AT", format!("{number}+:ENOSPC")),
            Self::Broken => job.env("PRA_FAIL_AT", format!("{number}:EIO")),
        }
    }
}
