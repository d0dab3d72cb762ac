//! The section `cluster`.

use super::super::super::Cluster;
use super::{World, with};

const SECRET: &str = "secret: hunter2-hunter2-hunter2-hunter2-one";

/// Each complaint: its sentence.
fn complaints(section: &str) -> Vec<String> {
    let said = World::new().complaints(&with(section));
    assert!(!said.contains("hunter2"), "{said}");
    let lines = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    lines.filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

fn cluster(section: &str) -> Cluster {
    let parsed = World::new().parse(&with(section)).unwrap_or_else(|problems| panic!("{problems}"));
    parsed.cluster.unwrap()
}

#[test]
fn everything_about_a_cluster() {
    let of = |rest: &str| format!("cluster: {{ replicas: \"wharf-{{i}}\", index: 0, {SECRET}, {rest} }}\n");
    let passive =
        |ports: &str, rest: &str| format!("server: {{ passive: {{ ports: {ports} }} }}\n{}", of(rest));
    for (section, expected) in [
        (format!("cluster: {{ {SECRET}, index: 0 }}\n"), "`replicas` is missing"),
        (
            "cluster: { replicas: \"wharf-{i}\", index: 0 }\n".to_owned(),
            "`secret` is missing: replicas know each other by it; `openssl rand -hex 32` makes one",
        ),
        (
            "cluster: { replicas: \"wharf-{i}\", index: 0, secret: hunter2 }\n".to_owned(),
            "the secret of a cluster has at least 32 characters, so that nobody guesses it; `openssl rand -hex 32` makes one",
        ),
        (
            format!("cluster: {{ replicas: wharf, index: 0, {SECRET} }}\n"),
            "`{i}` is missing, which stands for the number of a replica; a list can name each of them",
        ),
        (format!("cluster: {{ replicas: [], index: 0, {SECRET} }}\n"), "there is no replica in this list"),
        (
            format!("cluster: {{ replicas: [a, \"a:2122\"], index: 0, {SECRET} }}\n"),
            "this replica stands here twice",
        ),
        (
            format!("cluster: {{ replicas: [\"a:0\", b], index: 0, {SECRET} }}\n"),
            "a port is a number from 1 to 65535",
        ),
        (
            format!("cluster: {{ replicas: [a, b], index: 2, {SECRET} }}\n"),
            "there are 2 replicas, whose numbers begin with 0",
        ),
        (
            format!("cluster: {{ replicas: [a, b], index: first, {SECRET} }}\n"),
            "expected the number of this replica, from 0 on, or from-hostname",
        ),
        (
            passive("50000-50003", "ports_per_replica: 8"),
            "`server.passive.ports` has 4 ports, and each replica needs 8",
        ),
        (
            format!(
                "server: {{ passive: {{ ports: 50000-50019 }} }}\ncluster: {{ replicas: [a, b, c], index: 0, {SECRET} }}\n"
            ),
            "3 replicas with 8 ports each need 24 ports, and `server.passive.ports` has 20",
        ),
        (of("ports_per_replica: 0"), "at least 1 is needed"),
        (of("relay: \"0.0.0.0:2121\""), "the server listens for others on 0.0.0.0:2121"),
        (of("relay: \"0.0.0.0:9121\""), "the server listens for others on 127.0.0.1:9121"),
        (
            of("relay: \"0.0.0.0:61000\""),
            "port 61000 is for data connections, as are all of 61000-61999 (`server.passive.ports`)",
        ),
        (
            of("relay: \"0.0.0.0:0\""),
            "the other replicas have to know the port; write one, such as 0.0.0.0:2122",
        ),
        (of("relay: 2122"), "the address is missing; for all addresses write 0.0.0.0:2122 or \"[::]:2122\""),
        (of("more_secrets: [hunter2-hunter2-hunter2-hunter2-one]"), "this secret stands here twice"),
    ] {
        assert_eq!(complaints(&section), [expected], "{section}");
    }
}

#[test]
fn a_good_one_is_taken() {
    let section = format!(
        "cluster: {{ replicas: \"wharf-{{i}}.wharf-headless\", index: 2, ports_per_replica: 16, relay: \"[::]:2200\", {SECRET}, \
         more_secrets: [hunter2-hunter2-hunter2-hunter2-two], client_addresses: lost }}\n"
    );
    let cluster = cluster(&section);
    assert_eq!(cluster.replicas.address(1).unwrap().to_string(), "wharf-1.wharf-headless:2200");
    assert_eq!((cluster.ports_per_replica, cluster.most(1000)), (16, 62));
    assert!(cluster.client_addresses_are_lost && cluster.more_secrets.len() == 1);
}

#[test]
fn advice_is_given_where_something_is_left_over_or_not_known_here() {
    let warnings = |section: &str| {
        let config = World::new().parse(&with(section)).unwrap_or_else(|problems| panic!("{problems}"));
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let section = format!(
        "server: {{ passive: {{ ports: 50000-50020 }} }}\ncluster: {{ replicas: \"w-{{i}}\", index: 0, {SECRET} }}\n"
    );
    let said = warnings(&section);
    assert!(said.contains("the last 5 of the 21 `server.passive.ports` belong to no replica"), "{said}");
    // The machine of the tests may have a number at the end of its name.
    let named = super::super::super::hostname().and_then(|name| Cluster::number_in(&name)).is_some();
    let said = warnings(&format!("cluster: {{ replicas: \"w-{{i}}\", {SECRET} }}\n"));
    assert!(named || said.contains("`wharf serve` needs another `index` here, or --cluster-index"), "{said}");
}
