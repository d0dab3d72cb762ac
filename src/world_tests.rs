use wharf_backends::Buffers;

use super::*;
use crate::config;
use crate::engine::ENGINES;

/// A world whose only user has this name.
fn world(user: &str) -> World {
    let text = format!(
        "backends: {{ scratch: {{ kind: memory }} }}
users: [{{ name: {user}, password: demo, plain: true, backend: scratch }}]
"
    );
    let config =
        config::parse(&text, "wharf.yaml", std::path::Path::new(""), &storages::KINDS, &ENGINES).unwrap();
    let buffers = Buffers::new(config.server.limits.buffer_memory, None);
    World::build(config, &buffers, &Metrics::new("native", 10)).unwrap()
}

#[tokio::test]
async fn whoever_has_a_world_keeps_it_when_another_takes_its_place() {
    let current = CurrentWorld::new(world("first"));
    let kept = current.now();
    let before = current.replace(world("second"));
    assert!(Arc::ptr_eq(&kept, &before));
    let knows = |world: &World, name: &str| {
        world.accounts.preferences_of(name).is_some() && world.config.users[0].name == name
    };
    assert!(knows(&kept, "first"));
    assert!(knows(&current.now(), "second") && !knows(&current.now(), "first"));
}
