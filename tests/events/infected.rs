//! What a scanner finds is told to other programs.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::receiver::{Got, Receiver};
use crate::support::Setup;

/// A scanner that finds something in everything, speaking as clamd does.
pub fn scanner() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut command = [0; 10];
            let mut length = [0; 4];
            let mut read_all = || {
                stream.read_exact(&mut command)?;
                loop {
                    stream.read_exact(&mut length)?;
                    match u32::from_be_bytes(length) {
                        0 => return stream.write_all(b"stream: Wharf.Mark FOUND\0"),
                        length => {
                            let mut chunk = (&mut stream).take(length.into());
                            std::io::copy(&mut chunk, &mut std::io::sink())?;
                        }
                    }
                }
            };
            // Whoever only tries whether somebody is here has gone.
            let _gone = read_all();
        }
    });
    address
}

#[test]
fn an_infected_upload_is_told_of_with_what_was_found() {
    let receiver = Receiver::new();
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  quarantine: {{ kind: local, root: '{{folder}}/quarantine', create_root: true }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
scan: {{ clamd: 'tcp://{}', quarantine: {{ backend: quarantine, path: /kept }} }}
events:
  spool: '{{folder}}/events'
  to: [{{ url: '{}', on: ['upload.*', 'file.*'] }}]
",
        scanner(),
        receiver.url()
    ));
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    let server = setup.start();
    assert_eq!(server.login().try_store("STOR a", b"bytes").code, 550);
    let got = receiver.expect(2);
    let of = |kind: &str| got.iter().find(|got| got.kind() == kind).map(Got::data).unwrap();
    let infected = of("upload.infected");
    assert_eq!((&infected["path"], &infected["finding"]), (&"/a".into(), &"Wharf.Mark".into()), "{infected}");
    assert!(infected["scanner"].as_str().unwrap().starts_with("tcp:"), "{infected}");
    assert!(infected["quarantined"].as_str().unwrap().contains("/kept/"), "{infected}");
    let failed = of("upload.failed");
    assert!(failed["cause"].as_str().unwrap().contains("Wharf.Mark"), "{failed}");
}
