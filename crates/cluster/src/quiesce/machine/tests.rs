//! A world of objects, runs that do what the machine says to it, and deaths and failures at any step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What is in the cluster and on the volume.
#[derive(Debug, Clone, PartialEq)]
struct World {
    lease: Option<State>,
    things: Remembered,
    /// Who restored last.
    database: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    DiesBefore,
    DiesHalfWay,
    DiesAfter,
    Fails,
}

#[derive(Debug, Clone)]
struct Plan {
    uid: u8,
    how: How,
    /// In place fails because the database is damaged.
    damaged: bool,
    trouble: Option<(usize, Trouble)>,
}

#[derive(Debug, PartialEq)]
enum End {
    Died,
    Ended { restored: bool, failed: bool },
}

fn report(how: How) -> Report {
    Report {
        point: "backup.db".to_owned(),
        source: "backup".into(),
        mode: how,
        reached: String::new(),
        seconds: 0.0,
        verified: true,
        safety_copy: None,
        lock_seconds: None,
        pages_written: 0,
        warnings: Vec::new(),
    }
}

impl World {
    fn new(replicas: [i32; 2], suspended: [bool; 2]) -> Self {
        let named = |name: &str, n: usize| format!("{name}-{n}");
        Self {
            lease: None,
            things: Remembered {
                deployments: (0..2).map(|n| (named("deployment", n), replicas[n])).collect(),
                suspended: (0..2).map(|n| (named("cronjob", n), suspended[n])).collect(),
            },
            database: None,
        }
    }

    /// Does a step, or its first half.
    fn perform(&mut self, machine: &Machine, plan: &Plan, half: bool) -> Happened {
        let was = machine.was();
        let parts = if half { 1 } else { 2 };
        match machine.step() {
            Step::Choose => {
                let how = if self.database.is_some() { How::InPlace } else { plan.how };
                let (point, means, reached) = ("latest".to_owned(), "backup.db".to_owned(), String::new());
                return Happened::Chosen { point, means, reached, how, now: Timestamp::UNIX_EPOCH };
            }
            Step::Look => return Happened::Seen { seen: self.things.clone(), now: Timestamp::UNIX_EPOCH },
            Step::RestoreInPlace if plan.damaged => return Happened::NotInPlace,
            Step::RestoreInPlace | Step::Replace => {
                if machine.step() == Step::Replace {
                    let running = self.things.deployments.values().any(|replicas| *replicas > 0);
                    assert!(!running, "replaced under a running application");
                }
                if !half {
                    self.database = Some(machine.us.uid.clone());
                }
                let how = if machine.step() == Step::Replace { How::Replace } else { How::InPlace };
                return Happened::Restored(report(how));
            }
            // One request: done or not.
            Step::Write if !half => self.lease = machine.state().cloned(),
            Step::Clear if !half => self.lease = None,
            Step::Suspend => {
                for name in was.suspended.keys().take(parts) {
                    self.things.suspended.insert(name.clone(), true);
                }
            }
            Step::ScaleDown => {
                for name in was.deployments.keys().take(parts) {
                    self.things.deployments.insert(name.clone(), 0);
                }
            }
            Step::ScaleUp => {
                for (name, replicas) in was.deployments.iter().take(parts) {
                    let now = self.things.deployments.entry(name.clone()).or_default();
                    if *now == 0 {
                        *now = *replicas;
                    }
                }
            }
            Step::Resume => {
                for (name, _) in was.suspended.iter().filter(|(_, suspended)| !**suspended).take(parts) {
                    self.things.suspended.insert(name.clone(), false);
                }
            }
            _ => {}
        }
        Happened::Done
    }

    /// One run. At every point, `before` can be brought back from the state on the objects.
    fn run(&mut self, plan: &Plan, before: &Remembered) -> End {
        let us = Identity { name: "job".to_owned(), uid: plan.uid.to_string() };
        let mut machine = Machine::new(us, self.lease.clone());
        let mut failed = false;
        for number in 0.. {
            assert!(number < 40, "the machine goes round in circles");
            if machine.step() == Step::End {
                break;
            }
            let trouble = plan.trouble.filter(|(at, _)| *at == number).map(|(_, trouble)| trouble);
            let happened = match trouble {
                None => self.perform(&machine, plan, false),
                Some(Trouble::DiesBefore) => return End::Died,
                Some(Trouble::DiesHalfWay) => {
                    self.perform(&machine, plan, true);
                    self.require_remembered(before);
                    return End::Died;
                }
                Some(Trouble::DiesAfter) => {
                    self.perform(&machine, plan, false);
                    self.require_remembered(before);
                    return End::Died;
                }
                Some(Trouble::Fails) => {
                    failed = true;
                    Happened::Failed
                }
            };
            self.require_remembered(before);
            machine.next(happened);
        }
        End::Ended { restored: machine.report().is_some(), failed }
    }

    fn require_remembered(&self, before: &Remembered) {
        let was = self.lease.as_ref().map(|state| state.was.clone()).unwrap_or_default();
        for (name, replicas) in &before.deployments {
            let now = self.things.deployments[name];
            assert!(now == *replicas || was.deployments.get(name) == Some(replicas), "the replicas of {name} are lost");
        }
        for (name, suspended) in &before.suspended {
            let now = self.things.suspended[name];
            assert!(now == *suspended || was.suspended.get(name) == Some(suspended), "{name} stays suspended");
        }
    }
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![Just(Trouble::DiesBefore), Just(Trouble::DiesHalfWay), Just(Trouble::DiesAfter), Just(Trouble::Fails)]
}

fn plan() -> impl Strategy<Value = Plan> {
    let how = prop_oneof![Just(How::InPlace), Just(How::Replace)];
    (0..3_u8, how, any::<bool>(), prop::option::of((0..18_usize, trouble())))
        .prop_map(|(uid, how, damaged, trouble)| Plan { uid, how, damaged, trouble })
}

proptest! {
    #[test]
    fn after_any_deaths_and_failures_one_more_run_restores_and_brings_all_back(
        replicas in [0..5_i32, 0..5_i32],
        suspended in any::<[bool; 2]>(),
        plans in prop::collection::vec(plan(), 0..5),
        last in plan(),
    ) {
        let mut world = World::new(replicas, suspended);
        let before = world.things.clone();
        for plan in &plans {
            world.run(plan, &before);
        }
        let end = world.run(&Plan { trouble: None, ..last }, &before);
        prop_assert_eq!(end, End::Ended { restored: true, failed: false });
        prop_assert_eq!(&world.things, &before);
        prop_assert_eq!(&world.lease, &None);
        prop_assert!(world.database.is_some());
    }

    #[test]
    fn a_run_that_fails_once_puts_all_back_itself(
        replicas in [0..5_i32, 0..5_i32],
        suspended in any::<[bool; 2]>(),
        how in prop_oneof![Just(How::InPlace), Just(How::Replace)],
        at in 0..18_usize,
    ) {
        let mut world = World::new(replicas, suspended);
        let before = world.things.clone();
        let plan = Plan { uid: 0, how, damaged: false, trouble: Some((at, Trouble::Fails)) };
        let end = world.run(&plan, &before);
        prop_assert_ne!(&end, &End::Died);
        // Where putting back itself failed, the next run does it.
        if world.lease.is_some() {
            world.run(&Plan { trouble: None, ..plan }, &before);
        }
        prop_assert_eq!(&world.things, &before);
        prop_assert_eq!(&world.lease, &None);
    }
}

#[test]
fn the_same_jobs_next_pod_does_not_restore_twice_what_is_written_down_as_restored() {
    let mut world = World::new([2, 0], [false, true]);
    let before = world.things.clone();
    let dies = Plan { uid: 0, how: How::Replace, damaged: false, trouble: Some((10, Trouble::DiesAfter)) };
    assert_eq!(world.run(&dies, &before), End::Died);
    assert_eq!(world.lease.as_ref().unwrap().phase, Phase::Restored);
    let next = Machine::new(Identity { name: "job".to_owned(), uid: "0".to_owned() }, world.lease.clone());
    assert_eq!((next.step(), next.report().is_some()), (Step::ScaleUp, true));
    let another = Machine::new(Identity { name: "job".to_owned(), uid: "1".to_owned() }, world.lease.clone());
    assert_eq!((another.step(), another.report().is_some()), (Step::Choose, false));
}

#[test]
fn in_place_stops_nothing_and_forgets_at_once() {
    let mut machine = Machine::new(Identity { name: "job".to_owned(), uid: "0".to_owned() }, None);
    let mut world = World::new([2, 1], [false, false]);
    let plan = Plan { uid: 0, how: How::InPlace, damaged: false, trouble: None };
    let mut steps = Vec::new();
    while machine.step() != Step::End {
        steps.push(machine.step());
        let happened = world.perform(&machine, &plan, false);
        machine.next(happened);
    }
    assert_eq!(steps, [Step::Choose, Step::Write, Step::NotePoint, Step::RestoreInPlace, Step::Clear]);
}

#[test]
fn what_is_seen_later_never_overwrites_what_was_by_our_own_zeros() {
    let named = |replicas, suspended| Remembered {
        deployments: BTreeMap::from([("a".to_owned(), replicas)]),
        suspended: BTreeMap::from([("b".to_owned(), suspended)]),
    };
    let mut was = named(3, false);
    was.add(named(0, true));
    assert_eq!(was, named(3, false));
    was.add(named(4, true));
    assert_eq!(was, named(4, false), "a user scaled it up since");
}
