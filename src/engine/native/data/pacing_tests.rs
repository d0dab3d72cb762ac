use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn the_same_address_at_both_ends_is_one_machine() {
    let is = |local: &str, peer: &str| is_this_machine(local.parse().unwrap(), peer.parse().unwrap());
    assert!(is("127.0.0.1:20", "127.0.0.1:4000"));
    assert!(is("127.0.0.1:20", "127.0.0.2:4000"));
    assert!(is("[::1]:20", "[::1]:4000"));
    assert!(is("[::ffff:127.0.0.1]:20", "[::ffff:127.0.0.1]:4000"));
    assert!(is("192.0.2.1:20", "192.0.2.1:4000"));
    assert!(is("192.0.2.1:20", "[::ffff:192.0.2.1]:4000"));
    assert!(!is("192.0.2.1:20", "192.0.2.2:4000"));
    assert!(!is("[2001:db8::1]:20", "[2001:db8::2]:4000"));
}

#[test]
fn only_bbr_paces() {
    assert!(["bbr", "bbr2", "bbr3"].into_iter().all(is_paced));
    assert!(!["reno", "cubic", "dctcp", "vegas", "htcp", ""].into_iter().any(is_paced));
}

#[tokio::test]
async fn what_is_paced_is_switched_and_all_else_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let default = sockopt::tcp_congestion(&listener).unwrap();
    switch(&listener, |_| false).unwrap();
    assert_eq!(sockopt::tcp_congestion(&listener).unwrap(), default);
    switch(&listener, |name| name == default).unwrap();
    assert_eq!(sockopt::tcp_congestion(&listener).unwrap(), UNPACED);
    // Whoever connects to it comes by it.
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    assert_eq!(sockopt::tcp_congestion(&server).unwrap(), UNPACED);
    // A connection that is there can be switched, too.
    switch(&client, |name| name == default).unwrap();
    assert_eq!(sockopt::tcp_congestion(&client).unwrap(), UNPACED);
}

#[tokio::test]
async fn a_connection_within_this_machine_is_not_paced_by_bbr() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // As if it were the default of the system. Not every system has it.
    if sockopt::set_tcp_congestion(&listener, "bbr").is_err() {
        return;
    }
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    assert_eq!(sockopt::tcp_congestion(&server).unwrap(), "bbr");
    let (own, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    unpace_accepted(&server, own, other);
    assert_eq!(sockopt::tcp_congestion(&server).unwrap(), "bbr");
    unpace_accepted(&server, own, own);
    assert_eq!(sockopt::tcp_congestion(&server).unwrap(), UNPACED);
}
