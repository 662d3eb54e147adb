use super::*;

fn cronjob(name: &str, app: &str, component: &str) -> CronJob {
    let mut cronjob = CronJob::default();
    cronjob.metadata.name = Some(name.to_owned());
    let labels = [(INSTANCE, app), (COMPONENT, component)];
    cronjob.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    cronjob
}

fn of(app: &str) -> Vec<CronJob> {
    vec![cronjob(&format!("{app}-backup"), app, "backup"), cronjob(&format!("{app}-restore"), app, "restore")]
}

#[test]
fn the_only_kit_needs_no_name() {
    let kit = choose("pra", of("events"), None).unwrap();
    assert_eq!((kit.app.as_str(), kit.restore.name_any().as_str()), ("events", "events-restore"));
    assert!(kit.drill.is_none());
}

#[test]
fn of_several_kits_one_must_be_named() {
    let both = [of("events"), of("notes")].concat();
    let error = choose("pra", both.clone(), None).unwrap_err();
    assert!(error.to_string().ends_with("events, notes"), "{error}");
    assert_eq!(choose("pra", both, Some("notes")).unwrap().backup.name_any(), "notes-backup");
}

#[test]
fn an_application_without_kit_is_refused_with_the_names_of_those_that_have_one() {
    let error = choose("pra", of("events"), Some("other")).unwrap_err();
    assert_eq!(error.to_string(), "nothing protects 'other' in namespace 'pra' (protected: events)");
    assert_eq!(choose("pra", Vec::new(), None).unwrap_err().code(), Code::Usage);
}
