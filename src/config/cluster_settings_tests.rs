use super::*;

#[test]
fn a_replica_is_found_by_its_number() {
    let replicas = Replicas::pattern("wharf-{i}.wharf-headless", 2122).unwrap();
    assert_eq!(replicas.address(12).unwrap().to_string(), "wharf-12.wharf-headless:2122");
    let replicas = Replicas::pattern("wharf-{i}.wharf:2200", 2122).unwrap();
    assert_eq!(replicas.address(0).unwrap().to_string(), "wharf-0.wharf:2200");
    assert!(Replicas::pattern("wharf.example", 2122).unwrap_err().contains("`{i}` is missing"));
    assert!(Replicas::pattern("wharf {i}", 2122).is_err());
}

#[test]
fn an_address_may_have_a_port() {
    let parse = |text: &str| ReplicaAddress::parse(text, 2122).map(|address| address.to_string());
    assert_eq!(parse("10.0.0.1").unwrap(), "10.0.0.1:2122");
    assert_eq!(parse("10.0.0.1:7").unwrap(), "10.0.0.1:7");
    assert_eq!(parse("fd00::1").unwrap(), "[fd00::1]:2122");
    assert_eq!(parse("[fd00::1]:7").unwrap(), "[fd00::1]:7");
    assert_eq!(parse("[fd00::1]").unwrap(), "[fd00::1]:2122");
    for wrong in ["", "a:0", "a:x", "a b", "10.0.0.1:70000"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_machine_of_a_stateful_set_has_a_number() {
    assert_eq!(Cluster::number_in("wharf-2"), Some(2));
    assert_eq!(Cluster::number_in("wharf-12.wharf-headless.default.svc"), Some(12));
    assert_eq!(Cluster::number_in("wharf"), None);
    assert_eq!(Cluster::number_in("wharf-7d9f"), None);
    assert_eq!(Cluster::number_in("wharf-99999"), None);
}
