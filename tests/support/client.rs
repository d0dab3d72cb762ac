//! FTP spoken line by line, so that a test reads as the transcript of a session.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustls::ClientConfig;
use wharf_testing::ftp::{Control, dial};
pub use wharf_testing::ftp::{Reply, Stream};

use super::SOON;

/// A session that a test has with a server: what goes wrong is shown with all that was said.
pub struct Client {
    control: Control,
    transcript: Vec<String>,
    tls: Option<Arc<ClientConfig>>,
    /// What the client takes the server for.
    host: String,
    private_data: bool,
}

fn open(address: SocketAddr) -> io::Result<TcpStream> {
    dial(address, SOON, SOON)
}

impl Client {
    /// Connects; the greeting is still to be read.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("connecting to {address}: {error}"))
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::over(Stream::Plain(open(address)?)))
    }

    fn over(stream: Stream) -> Self {
        let (control, host) = (Control::over(stream), "localhost".to_owned());
        Self { control, transcript: Vec::new(), tls: None, host, private_data: false }
    }

    /// Connects from another address of this machine.
    #[track_caller]
    pub fn connect_from(source: &str, address: SocketAddr) -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        connect(&socket, &address)
            .unwrap_or_else(|error| panic!("connecting from {source} to {address}: {error}"));
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        Self::over(Stream::Plain(stream))
    }

    /// Takes the server for this host, in TLS.
    #[must_use]
    pub fn at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Connects with a TLS handshake as the first thing.
    pub fn connect_implicit(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::connect_implicit_at(address, config, "localhost")
    }

    /// The same to a server that it takes for this host.
    pub fn connect_implicit_at(
        address: SocketAddr,
        config: &Arc<ClientConfig>,
        host: &str,
    ) -> io::Result<Self> {
        let mut client = Self::over(Stream::encrypt_at(open(address)?, config, host)?).at(host);
        client.tls = Some(Arc::clone(config));
        client.private_data = true;
        Ok(client)
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.transcript.push(format!("> {}", String::from_utf8_lossy(bytes).trim_end()));
        if let Err(error) = self.control.send(bytes) {
            panic!("sending failed: {error}\n{}", self.transcript());
        }
    }

    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\r\n").as_bytes());
    }

    /// The next reply, or why there is none.
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        let transcript = &mut self.transcript;
        let reply = self.control.reply(|line| transcript.push(format!("< {line}")));
        if reply.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            transcript.push("< (closed)".to_owned());
        }
        reply
    }

    /// The next reply if it comes within this time; `None` if nothing comes or the connection is closed.
    pub fn reply_within(&mut self, time: Duration) -> Option<Reply> {
        self.tcp().set_read_timeout(Some(time)).unwrap();
        let reply = self.try_reply().ok();
        self.tcp().set_read_timeout(Some(SOON)).unwrap();
        reply
    }

    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        match self.try_reply() {
            Ok(reply) => reply,
            Err(error) => panic!("no reply: {error}\n{}", self.transcript()),
        }
    }

    #[track_caller]
    pub fn expect_reply(&mut self, code: u16) -> Reply {
        let reply = self.reply();
        assert_eq!(reply.code, code, "wrong reply\n{}", self.transcript());
        reply
    }

    #[track_caller]
    pub fn command(&mut self, line: &str) -> Reply {
        self.send(line);
        self.reply()
    }

    /// The reply to a command, or why there is none.
    pub fn try_command(&mut self, line: &str) -> io::Result<Reply> {
        self.transcript.push(format!("> {line}"));
        self.control.send(format!("{line}\r\n").as_bytes())?;
        self.try_reply()
    }

    /// Sends a command and demands this code.
    #[track_caller]
    pub fn expect(&mut self, line: &str, code: u16) -> Reply {
        self.send(line);
        self.expect_reply(code)
    }

    /// Sends a command and demands one of these codes.
    #[track_caller]
    pub fn expect_any(&mut self, line: &str, codes: &[u16]) -> Reply {
        let reply = self.command(line);
        assert!(codes.contains(&reply.code), "wanted one of {codes:?}\n{}", self.transcript());
        reply
    }

    /// Demands that the server closes the connection, after whatever it has to say.
    #[track_caller]
    pub fn expect_end(&mut self) {
        loop {
            match self.try_reply() {
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return;
                }
                Err(error) => panic!("the connection was not closed: {error}\n{}", self.transcript()),
            }
        }
    }

    #[track_caller]
    pub fn login(&mut self, user: &str, password: &str) {
        self.expect(&format!("USER {user}"), 331);
        self.expect(&format!("PASS {password}"), 230);
        self.expect("TYPE I", 200);
    }

    /// AUTH TLS, PBSZ and PROT P; an error if the handshake fails.
    #[track_caller]
    pub fn try_start_tls(&mut self, config: &Arc<ClientConfig>) -> io::Result<()> {
        self.expect("AUTH TLS", 234);
        self.encrypt(config)?;
        self.expect("PBSZ 0", 200);
        self.expect("PROT P", 200);
        self.private_data = true;
        Ok(())
    }

    /// PROT C, for data that is not to be encrypted; whether the server lets us.
    #[track_caller]
    pub fn try_clear_data(&mut self) -> bool {
        let reply = self.expect_any("PROT C", &[200, 534]);
        self.private_data = reply.code != 200;
        !self.private_data
    }

    /// The handshake alone.
    pub fn encrypt(&mut self, config: &Arc<ClientConfig>) -> io::Result<()> {
        self.control.encrypt_at(config, &self.host)?;
        self.tls = Some(Arc::clone(config));
        Ok(())
    }

    /// Goes back to plain text, after the reply to CCC: each side says that TLS ends (RFC 4217, section 12.3).
    pub fn decrypt(&mut self) -> io::Result<()> {
        self.control.decrypt()
    }

    /// Encrypts data connections with another configuration than the control connection: it knows no session.
    pub fn encrypt_data_with(&mut self, config: &Arc<ClientConfig>) {
        self.tls = Some(Arc::clone(config));
    }

    /// Encrypts data connections from now on, whatever was agreed on.
    pub fn encrypt_data(&mut self) {
        self.private_data = true;
    }

    /// EPSV, and a connection to the port in the answer, not encrypted yet.
    #[track_caller]
    pub fn open_passive(&mut self) -> TcpStream {
        let reply = self.expect("EPSV", 229);
        let port = reply.extended_port().unwrap_or_else(|| panic!("no port in {reply:?}"));
        let host = self.tcp().peer_addr().unwrap().ip();
        open(SocketAddr::new(host, port)).unwrap_or_else(|error| panic!("data connection to {port}: {error}"))
    }

    /// PASV, and the address in the answer.
    #[track_caller]
    pub fn pasv(&mut self) -> SocketAddr {
        let reply = self.expect("PASV", 227);
        reply.passive_address().unwrap_or_else(|| panic!("no address in {reply:?}"))
    }

    /// Starts a transfer in passive mode: the connection after the 150.
    #[track_caller]
    pub fn start_transfer(&mut self, command: &str) -> Stream {
        match self.try_transfer(command) {
            Ok(stream) => stream,
            Err(reply) => panic!("{command}: {reply:?}\n{}", self.transcript()),
        }
    }

    /// Starts a transfer in passive mode; the reply if the server refuses it before the 150.
    #[track_caller]
    pub fn try_transfer(&mut self, command: &str) -> Result<Stream, Reply> {
        let tcp = self.open_passive();
        let reply = self.command(command);
        if reply.code != 150 && reply.code != 125 {
            return Err(reply);
        }
        Ok(self.protect(tcp))
    }

    /// Encrypts a data connection, if they are to be.
    #[track_caller]
    pub fn protect(&self, tcp: TcpStream) -> Stream {
        match &self.tls {
            Some(config) if self.private_data => {
                Stream::encrypt_at(tcp, config, &self.host).expect("a TLS handshake for data")
            }
            _ => Stream::Plain(tcp),
        }
    }

    /// Uploads in passive mode and returns the last reply.
    #[track_caller]
    pub fn try_store(&mut self, command: &str, bytes: &[u8]) -> Reply {
        let mut data = match self.try_transfer(command) {
            Ok(data) => data,
            Err(reply) => return reply,
        };
        // A server that gives up closes early; what it has to say stands in its reply.
        let _closed_early = data.write_all(bytes).and_then(|()| data.finish());
        let _closed_early = io::copy(&mut data, &mut io::sink());
        drop(data);
        self.reply()
    }

    #[track_caller]
    pub fn store(&mut self, name: &str, bytes: &[u8]) {
        let reply = self.try_store(&format!("STOR {name}"), bytes);
        assert_eq!(reply.code, 226, "wrong reply\n{}", self.transcript());
    }

    /// Downloads in passive mode: what came, and the last reply.
    #[track_caller]
    pub fn try_fetch(&mut self, command: &str) -> (Vec<u8>, Reply) {
        let mut data = match self.try_transfer(command) {
            Ok(data) => data,
            Err(reply) => return (Vec::new(), reply),
        };
        let mut bytes = Vec::new();
        // A reset in the middle is the server's failure to deliver: its reply says so too.
        let _cut = data.read_to_end(&mut bytes);
        drop(data);
        (bytes, self.reply())
    }

    #[track_caller]
    pub fn fetch(&mut self, command: &str) -> Vec<u8> {
        let (bytes, reply) = self.try_fetch(command);
        assert_eq!(reply.code, 226, "wrong reply\n{}", self.transcript());
        bytes
    }

    #[track_caller]
    pub fn retrieve(&mut self, name: &str) -> Vec<u8> {
        self.fetch(&format!("RETR {name}"))
    }

    /// The names that MLSD shows, sorted, without `.` and `..`.
    #[track_caller]
    pub fn names(&mut self, directory: &str) -> Vec<String> {
        let listing = self.fetch(format!("MLSD {directory}").trim_end());
        let listing = String::from_utf8(listing).unwrap();
        let entries =
            listing.lines().map(|line| line.split_once(' ').unwrap_or_else(|| panic!("no entry: {line:?}")));
        let files = entries.filter(|(facts, _)| {
            let facts = facts.to_ascii_lowercase();
            !facts.contains("type=cdir;") && !facts.contains("type=pdir;")
        });
        let mut names: Vec<String> = files.map(|(_, name)| name.to_owned()).collect();
        names.sort();
        names
    }

    /// PORT with a listener of our own.
    #[track_caller]
    pub fn port(&mut self, listener: &TcpListener) -> Reply {
        self.command(&port_command(listener.local_addr().unwrap()))
    }

    /// Ends a line that was begun by other means, and reads what is said to it.
    pub fn try_end_line(&mut self) -> io::Result<Reply> {
        self.control.send(b"\r\n")?;
        self.try_reply()
    }

    pub fn transcript(&self) -> String {
        self.transcript.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// The connection itself.
    pub fn stream(&self) -> &Stream {
        self.control.stream()
    }

    /// The socket, to do things that no client would.
    pub fn tcp(&self) -> &TcpStream {
        self.control.tcp()
    }
}

/// The PORT command for an address.
pub fn port_command(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("PORT can't carry IPv6") };
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("PORT {a},{b},{c},{d},{high},{low}")
}
