use std::ffi::OsString;

use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

fn mistakes(text: &str) -> Vec<String> {
    let (document, mut mistakes) = Document::parse(text);
    mistakes.extend(environment::wanted(&document).1);
    mistakes.extend(flags::with_defaults(Cli::command(), &document).1);
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes.into_iter().map(|Mistake { line, key, says }| format!("{line} {key}: {says}")).collect()
}

fn parsed(text: &str, arguments: &str) -> clap::ArgMatches {
    let (document, wrong) = Document::parse(text);
    let (command, more) = flags::with_defaults(Cli::command(), &document);
    assert_eq!((wrong, more), (Vec::new(), Vec::new()));
    command.try_get_matches_from(arguments.split(' ')).unwrap().subcommand().unwrap().1.clone()
}

#[test]
fn one_file_serves_all_verbs_and_a_flag_wins_over_it() {
    let text = "database = \"/srv/app.db\"\nreplica = [\"s3://a/b\", \"file:///c\"]\nsync-interval = \"500ms\"\n\
                first-install = true\nwal-limit-mib = 8\nlease = \"restore\"\n";
    let replicate = parsed(text, "backup-job replicate --wal-limit-mib 2");
    assert_eq!(replicate.get_one::<u64>("wal_limit_mib"), Some(&2));
    assert_eq!(replicate.get_one::<PathBuf>("database"), Some(&PathBuf::from("/srv/app.db")));
    let replicas: Vec<&String> = replicate.get_many("replicas").unwrap().collect();
    assert_eq!(replicas, ["s3://a/b", "file:///c"]);
    assert_eq!(parsed(text, "backup-job init").get_one::<bool>("first_install"), Some(&true));
    let other = parsed(text, "backup-job init --replica s3://other");
    assert_eq!(other.get_many::<String>("replicas").unwrap().count(), 1);
}

#[test]
fn every_mistake_of_the_file_is_named_at_once_with_its_line_and_key() {
    let text = "sync-intervall = \"1s\"\ntick = \"soon\"\nmode = \"sideways\"\ndatabase = [\"a\", \"b\"]\n\
                first-install = \"yes\"\nyes = true\naccept-older = true\nwait = true\nrate = 0.5\n[environment]\n\
                AWS_SECRET_ACCESS_KEY = \"hunter2\"\nPATH = \"/bin\"\nAWS_REGIO = \"x\"\n";
    let found = mistakes(text);
    let begins: Vec<&str> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    let expected = [
        "1 sync-intervall",
        "2 tick",
        "3 mode",
        "4 database",
        "5 first-install",
        "6 yes",
        "7 accept-older",
        "8 wait",
        "9 rate",
        "11 environment.AWS_SECRET_ACCESS_KEY",
        "12 environment.PATH",
        "13 environment.AWS_REGIO",
    ];
    assert_eq!(begins, expected, "{found:#?}");
    assert!(found[9].contains("AWS_SECRET_ACCESS_KEY_FILE"), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("hunter2")));
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    assert!(mistakes("database = \"a\"\nwait = \n").first().unwrap().starts_with("2 : "));
}

#[test]
fn the_settings_of_the_stores_become_the_environment() {
    let text = "[environment]\nAWS_REGION = \"eu-west-3\"\nAWS_SECRET_ACCESS_KEY_FILE = \"/keys/secret\"\n\
                AWS_ALLOW_HTTP = true\nPRA_LOG = \"debug\"\nHTTPS_PROXY = \"http://p\"\nOTEL_SERVICE_NAME = \"x\"\n";
    assert_eq!(mistakes(text), Vec::<String>::new());
    assert_eq!(environment::wanted(&Document::read(text)).0.len(), 6);
}

#[test]
fn the_file_is_found_however_its_flag_is_written() {
    let arguments = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    for text in ["x init --config a.toml", "x --config=a.toml init", "x init --wait 3s --config a.toml"] {
        assert_eq!(path(&arguments(text)), Some("a.toml".into()), "{text}");
    }
    assert_eq!(path(&arguments("x verify -- --config a.toml")), None);
}
