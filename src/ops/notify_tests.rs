use super::*;

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn says_when_it_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let manager = ServiceManager::at(Some(path.as_os_str())).unwrap();
    manager.ready();
    assert!(received(&socket).lines().any(|line| line == "READY=1"));
    manager.stopping(Duration::from_secs(320));
    let notified = received(&socket);
    // Without the time, systemd would kill a process that takes longer than TimeoutStopSec.
    for expected in ["STOPPING=1", "EXTEND_TIMEOUT_USEC=320000000"] {
        assert!(notified.lines().any(|line| line == expected), "{notified}");
    }
}

#[test]
fn finds_sockets_without_a_file() {
    let name = format!("wharf-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    ServiceManager::at(Some(OsStr::new(&format!("@{name}")))).unwrap().ready();
    assert!(received(&socket).starts_with("READY=1"));
}

#[test]
fn says_nothing_to_nobody() {
    ServiceManager::at(None).unwrap().ready();
    ServiceManager::at(Some(OsStr::new(""))).unwrap().ready();
    // If the socket is gone, there is only a warning.
    ServiceManager::at(Some(OsStr::new("/nonexistent/notify"))).unwrap().ready();
    assert!(ServiceManager::at(Some(OsStr::new(&"/x".repeat(200)))).is_err());
}
