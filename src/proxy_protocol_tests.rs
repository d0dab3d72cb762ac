use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// What comes of these bytes, and what is left for the session.
async fn accepted(bytes: &[u8]) -> (io::Result<Option<Route>>, Vec<u8>) {
    accepted_by(bytes, false).await
}

async fn accepted_by(bytes: &[u8], may_be_missing: bool) -> (io::Result<Option<Route>>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let route = match may_be_missing {
        true => accept_if_any(&mut server).await,
        false => accept(&mut server).await,
    };
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).await.unwrap();
    (route, rest)
}

fn route(client: &str, server: &str) -> Option<Route> {
    Some(Route { client: client.parse().unwrap(), server: server.parse().unwrap() })
}

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, addresses].concat()
}

#[tokio::test]
async fn headers_are_read_and_nothing_behind_them() {
    let v4 = [10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 21];
    let expected = route("10.0.0.1:12345", "10.0.0.2:21");
    for header in [b"PROXY TCP4 10.0.0.1 10.0.0.2 12345 21\r\n".to_vec(), v2(1, 0x11, &v4)] {
        let (found, rest) = accepted(&[&header[..], b"USER demo\r\n"].concat()).await;
        assert_eq!(found.unwrap(), expected);
        assert_eq!(rest, b"USER demo\r\n");
    }
    let (found, _) = accepted(b"PROXY TCP6 ::1 ::2 1 2\r\n").await;
    assert_eq!(found.unwrap(), route("[::1]:1", "[::2]:2"));
}

#[tokio::test]
async fn a_load_balancer_may_look_for_itself() {
    for header in nobody() {
        let (found, rest) = accepted(&[&header[..], b"QUIT\r\n"].concat()).await;
        assert_eq!(found.unwrap(), None, "{header:?}");
        assert_eq!(rest, b"QUIT\r\n", "{header:?}");
    }
}

/// Headers of load balancers that speak for themselves, or don't know for whom: what else stands in them is to be ignored.
fn nobody() -> Vec<Vec<u8>> {
    let long = format!("PROXY UNKNOWN {0} {0} 65535 65535\r\n", "ffff:".repeat(7) + "ffff");
    vec![
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN what ever\r\n".to_vec(),
        long.into_bytes(),
        v2(0, 0, &[]),
        // HAProxy names a family, too, and the network load balancer of Amazon adds its own fields.
        v2(0, 0x11, &[10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 21]),
        v2(0, 0x11, &[1]),
        v2(0, 0xff, &[0xea, 0, 3, 1, b'v', b'p']),
        v2(1, 0, &[]),
        v2(1, 0, &[0x03, 0, 4, 1, 2, 3, 4]),
        v2(1, 0x31, &[b'/'; 216]),
    ]
}

#[tokio::test]
async fn a_header_may_be_missing_where_anybody_asks() {
    for request in [&b"GET /readyz HTTP/1.1\r\n\r\n"[..], b"POST / HTTP/1.1\r\n\r\n", b"P", b"\r\n", b""] {
        let (found, rest) = accepted_by(request, true).await;
        assert_eq!(found.unwrap(), None, "{request:?}");
        assert_eq!(rest, request);
        for header in nobody() {
            let (found, rest) = accepted_by(&[&header[..], request].concat(), true).await;
            assert_eq!(found.unwrap(), None, "{header:?}");
            assert_eq!(rest, request);
        }
    }
    let (found, rest) = accepted_by(b"PROXY TCP6 ::1 ::2 1 2\r\nGET", true).await;
    assert_eq!((found.unwrap(), &rest[..]), (route("[::1]:1", "[::2]:2"), &b"GET"[..]));
    assert!(accepted_by(b"PROXY NONSENSE\r\n", true).await.0.is_err());
}

#[tokio::test]
async fn what_is_no_header_is_refused() {
    let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
    for wrong in [
        &b"USER demo\r\n\r\n\r\n"[..],
        b"PROXY TCP4 10.0.0.1\r\n",
        b"PROXY NONSENSE\r\n",
        &long,
        &v2(1, 0x11, &[1]),
    ] {
        assert_eq!(accepted(wrong).await.0.unwrap_err().kind(), io::ErrorKind::InvalidData, "{wrong:?}");
    }
    assert!(accepted(b"PROXY").await.0.is_err());
}

#[test]
fn only_the_networks_that_are_named_are_trusted() {
    let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    for (peer, trusted) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.1.2.3", false), ("fd00::1", true)]
    {
        assert_eq!(is_trusted(&proxies, peer.parse().unwrap()), trusted, "{peer}");
    }
    assert!(!is_trusted(&[], "10.1.2.3".parse().unwrap()));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), signed in any::<bool>()) {
        if signed {
            bytes.splice(0..0, SIGNATURE.iter().copied());
        }
        let _ = parse(&bytes);
    }
}
