//! The section `http`.
use super::super::*;
use super::{World, with};
use crate::engine::ENGINES;
use crate::storages::KINDS;

fn http(sections: &str) -> Http {
    World::new().parse(&with(sections)).unwrap().http
}

fn complaint(sections: &str) -> String {
    World::new().complaints(&with(sections))
}

#[test]
fn is_there_for_this_machine_unless_something_else_is_said() {
    let default = Http { listen: vec!["127.0.0.1:9121".parse().unwrap()], by_default: true, admin: None };
    assert_eq!(http(""), default);
    assert_eq!(http("http: {}\n"), default);
    assert_eq!(http("http: { listen: [] }\n"), Http { listen: Vec::new(), by_default: false, admin: None });
    let two = http("http: { listen: [\"0.0.0.0:9121\", \"[::1]:0\"] }\n");
    assert_eq!(two.listen, ["0.0.0.0:9121".parse().unwrap(), "[::1]:0".parse().unwrap()]);
}

#[test]
fn nobody_asked_for_the_default_so_it_makes_room() {
    assert_eq!(http("server: { listen: [\"0.0.0.0:9121\"] }\n").listen, []);
    assert_eq!(http("server: { passive: { ports: 9000-9200 } }\n").listen, []);
}

#[test]
fn can_be_told_alone() {
    let world = World::new();
    let told = |text: &str| {
        world.file("wharf.yaml", text);
        load_http(&world.path("wharf.yaml"), &KINDS, &ENGINES)
    };
    // Whatever else is wrong, secrets and certificates to begin with.
    let text = with(
        "http: { listen: [\"0.0.0.0:9000\"] }
tls: { mode: required, certificate: nowhere.crt, key: nowhere.key }
users: [ { name: demo, password: { env: NOT_SET }, backend: lost } ]
",
    );
    assert_eq!(told(&text).unwrap().listen, ["0.0.0.0:9000".parse().unwrap()]);
    assert_eq!(told(&with("")).unwrap().listen, ["127.0.0.1:9121".parse().unwrap()]);
    assert_eq!(told("http: { listen: [] }").unwrap().listen, []);
    for (text, message) in
        [("", "the file is empty"), ("http: [", "wharf.yaml:1:"), ("http: { listen: [nowhere] }", "nowhere")]
    {
        let problems = told(text).unwrap_err().to_string();
        assert!(problems.contains(message), "{problems}");
    }
}

#[test]
fn other_ports_are_not_taken_away() {
    let ftp = complaint("server: { listen: [\"0.0.0.0:2121\"] }\nhttp: { listen: [\"127.0.0.1:2121\"] }\n");
    assert!(ftp.contains("the server listens for FTP on 0.0.0.0:2121"), "{ftp}");
    let data =
        complaint("server: { passive: { ports: 50000-50010 } }\nhttp: { listen: [\"127.0.0.1:50003\"] }\n");
    assert!(data.contains("port 50003 is for data connections"), "{data}");
    let twice = complaint("http: { listen: [\"127.0.0.1:9000\", \"127.0.0.1:9000\"] }\n");
    assert!(twice.contains("twice"), "{twice}");
    let nonsense = complaint("http: { listen: [\"nonsense\"] }\n");
    assert!(nonsense.contains("nonsense"), "{nonsense}");
}

const TOKEN: &str = "0123456789abcdef";

#[test]
fn the_admin_interface_needs_a_token_that_nobody_guesses() {
    let admin = http(&format!("http: {{ admin: {{ token: {TOKEN} }} }}\n")).admin.unwrap();
    assert_eq!((admin.token.unwrap().expose(), admin.listen.len(), admin.tls), (TOKEN, 0, None));
    for (admin, message) in [
        ("{}", "`token` or `read_only_token` is missing"),
        ("{ token: short }", "at least 16 characters"),
        ("{ token: \"0123456789 abcdef\" }", "no spaces"),
        ("{ token: TOKEN, read_only_token: TOKEN }", "are the same"),
        ("{ token: TOKEN, listen: [] }", "at least one address"),
        ("{ token: TOKEN, listen: [\"127.0.0.1:9121\"] }", "health and metrics are at 127.0.0.1:9121"),
        ("{ token: TOKEN, tls: { certificate: a, key: b } }", "`listen` is missing"),
        ("{ token: TOKEN, listen: [\"127.0.0.1:0\"], tls: { certificate: a } }", "`key` is missing"),
        ("{ token: TOKEN, listen: [\"127.0.0.1:0\"], tls: { certificate: a, key: b } }", "certificate"),
        ("{ token: { file: nowhere } }", "nowhere"),
    ] {
        let found = complaint(&format!("http: {{ admin: {} }}\n", admin.replace("TOKEN", TOKEN)));
        assert!(found.contains(message), "{admin}: {found}");
        assert!(!found.contains(TOKEN), "{found}");
    }
    let nowhere = complaint(&format!("http: {{ listen: [], admin: {{ token: {TOKEN} }} }}\n"));
    assert!(nowhere.contains("`http.listen` has no address"), "{nowhere}");
}

#[test]
fn a_token_on_an_open_network_is_a_danger() {
    let dangers = |sections: &str| {
        let config = World::new().parse(&with(&sections.replace("TOKEN", TOKEN))).unwrap();
        config.dangers.iter().filter(|danger| danger.to_string().contains("admin interface")).count()
    };
    assert_eq!(dangers("http: { admin: { token: TOKEN } }\n"), 0);
    assert_eq!(dangers("http: { listen: [\"0.0.0.0:9121\"], admin: { token: TOKEN } }\n"), 1);
    assert_eq!(dangers("http: { listen: [\"0.0.0.0:9121\"] }\n"), 0);
    assert_eq!(dangers("http: { admin: { token: TOKEN, listen: [\"0.0.0.0:9122\"] } }\n"), 1);
}
