//! What a list says of several sources, and of what they lack.

use super::*;

fn listed(scene: &Scene, access: &Access) -> listing::Listing {
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    listing::list_with_replicas(&scene.path("backup"), access, false, Timestamp::now()).unwrap()
}

#[test]
fn a_hole_and_a_missing_tail_show_in_the_list() {
    let scene = Scene::new();
    history(&scene, "one");
    let [second, third] = &files(&scene, "one", "0")[..] else { panic!("two transactions after the snapshot") };
    std::fs::rename(third, scene.path("kept")).unwrap();
    let points = listed(&scene, &access(&scene, "one")).points;
    assert_eq!(points[0].missing, Some((3, 3)), "{points:?}");
    std::fs::rename(scene.path("kept"), third).unwrap();
    std::fs::remove_file(second).unwrap();
    let points = listed(&scene, &access(&scene, "one")).points;
    assert!(points.iter().any(|point| point.missing.is_some_and(|(first, _)| first == 2)), "{points:?}");
}

#[test]
fn a_source_that_cannot_be_opened_leaves_the_others_in_the_list() {
    let scene = Scene::new();
    history(&scene, "two");
    let (_key, encrypted) = encrypted(&scene);
    let both = Access {
        replicas: [encrypted.replicas, access(&scene, "two").replicas].concat(),
        keys: Keys::default(),
        ..access(&scene, "two")
    };
    let listing = listed(&scene, &both);
    assert!(!listing.points.is_empty());
    assert_eq!(listing.troubles.len(), 1);
    assert_eq!(listing::left_out(listing.troubles, 2).unwrap().code(), Code::Usage);
}
