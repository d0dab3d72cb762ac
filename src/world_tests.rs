use std::sync::Weak;

use wharf_backends::{Buffers, Storage};

use super::*;
use crate::config;
use crate::engine::ENGINES;

fn ground() -> Ground {
    let metrics = Metrics::new("native", 10);
    Ground::new(Buffers::new(Buffers::LEAST, None), metrics).unwrap()
}

/// A configuration of this memory and a user of this name.
fn configured(capacity: &str, user: &str) -> Config {
    let text = format!(
        "backends: {{ scratch: {{ kind: memory, capacity: {capacity} }} }}
users: [{{ name: {user}, password: demo, plain: true, backend: scratch }}]
"
    );
    config::parse(&text, "wharf.yaml", std::path::Path::new(""), &storages::KINDS, &ENGINES).unwrap()
}

fn world(user: &str, ground: &Ground) -> World {
    World::build(configured("1MiB", user), ground).unwrap()
}

#[tokio::test]
async fn whoever_has_a_world_keeps_it_when_another_takes_its_place() {
    let ground = ground();
    let current = CurrentWorld::new(world("first", &ground));
    let mut changes = current.changes();
    let kept = current.now();
    let Replaced { before, dismissed } = current.replace(world("second", &ground));
    assert!(Arc::ptr_eq(&kept, &before) && dismissed.is_empty());
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let knows = |world: &World, name: &str| {
        world.accounts.preferences_of(name).is_some() && world.config.users[0].name == name
    };
    assert!(knows(&kept, "first"));
    assert!(knows(&current.now(), "second") && !knows(&current.now(), "first"));
}

#[tokio::test]
async fn a_world_ends_with_the_last_who_has_it() {
    let ground = ground();
    let current = CurrentWorld::new(world("first", &ground));
    let first = Arc::downgrade(&current.now());
    let storage: Weak<dyn Storage> = Arc::downgrade(&current.now().storages["scratch"]);
    let other = World::build(configured("2MiB", "second"), &ground).unwrap();
    drop(current.replace(other));
    assert!(first.upgrade().is_none() && storage.upgrade().is_none());
}

#[tokio::test]
async fn a_backend_that_is_configured_as_before_stays_open() {
    let ground = ground();
    let first = world("first", &ground);
    let beside = |capacity| {
        let world = World::build_beside(configured(capacity, "second"), &ground, Some(&first)).unwrap();
        Arc::ptr_eq(&world.storages["scratch"], &first.storages["scratch"])
    };
    assert!(beside("1MiB") && !beside("2MiB"));
}
