//! A Job from a CronJob's template, and how it ended.

use serde_json::{Value, json};

/// `backup-job` whose steps can end it, and with what a stranger may do to the volumes: the feature `crash-points`.
/// `cargo xtask e2e` builds it.
pub(crate) const WITH_CRASH_POINTS: &str = "localhost/mini-pra/backup-job-crash-points:0.1.0";

/// A Job from a CronJob's template, with changes to its container.
#[derive(Debug)]
pub(crate) struct Job {
    cronjob: &'static str,
    env: Vec<(String, String)>,
    more: Vec<String>,
    image: Option<&'static str>,
    args: Option<Vec<String>>,
    in_memory: bool,
    once: bool,
    class: Option<String>,
}

impl Job {
    pub(crate) fn from(cronjob: &'static str) -> Self {
        Self {
            cronjob,
            env: Vec::new(),
            more: Vec::new(),
            image: None,
            args: None,
            in_memory: false,
            once: false,
            class: None,
        }
    }

    /// What a stranger does to the volumes: `backup-job/src/crash/sabotage.rs`.
    pub(crate) fn sabotage(arguments: &[&str]) -> Self {
        Self::from("sqlite-backup").image(WITH_CRASH_POINTS).args(&[&["sabotage"], arguments].concat()).once()
    }

    /// Arguments after the template's.
    pub(crate) fn more(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|&one| one.to_owned()));
        self
    }

    /// A variable, for crash points: nothing else is read.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn image(mut self, image: &'static str) -> Self {
        self.image = Some(image);
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args = Some(args.iter().map(|&arg| arg.to_owned()).collect());
        self
    }

    /// The data are not on the volume, but in memory (tmpfs).
    pub(crate) fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// No second pod where the first one fails.
    pub(crate) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// In a pod of this RuntimeClass.
    pub(crate) fn class(mut self, class: Option<&str>) -> Self {
        self.class = class.map(str::to_owned);
        self
    }

    /// The template.
    pub(crate) fn cronjob(&self) -> &'static str {
        self.cronjob
    }

    pub(crate) fn change(&self, job: &mut Value) {
        if self.once {
            job["spec"]["backoffLimit"] = json!(0);
        }
        let pod = &mut job["spec"]["template"]["spec"];
        if self.in_memory {
            let volumes = pod["volumes"].as_array_mut().unwrap();
            volumes.retain(|volume| volume["name"] != "data");
            volumes.push(json!({ "name": "data", "emptyDir": { "medium": "Memory" } }));
        }
        if let Some(class) = &self.class {
            pod["runtimeClassName"] = json!(class);
        }
        let container = &mut pod["containers"][0];
        if let Some(image) = self.image {
            container["image"] = json!(image);
        }
        if let Some(args) = &self.args {
            container["args"] = json!(args);
        }
        container["args"].as_array_mut().unwrap().extend(self.more.iter().map(|one| json!(one)));
        let variables = self.env.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        container["env"] = variables.collect();
    }
}

/// How a Job ended, and what it answered.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i64,
    pub(crate) log: String,
}

impl Ended {
    /// The line of its log that is its answer in JSON.
    #[track_caller]
    pub(crate) fn answer(&self) -> Value {
        let json = |line: &str| serde_json::from_str::<Value>(line).ok().filter(|value| value.get("level").is_none());
        self.log.lines().rev().find_map(json).unwrap_or_else(|| panic!("no answer in\n{}", self.log))
    }
}
