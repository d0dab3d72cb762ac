//! An OpenLDAP server with a few users, in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Certificates;

const INSTALLED: &str = "/usr/sbin/slapd";

/// Whoever is allowed to search.
pub const SERVICE: &str = "cn=wharf,dc=example,dc=com";
pub const SERVICE_PASSWORD: &str = "the-service-password";

pub struct Slapd {
    pub plain: SocketAddr,
    pub encrypted: SocketAddr,
    pub certificates: Certificates,
    folder: tempfile::TempDir,
    running: Option<Process>,
}

struct Process {
    child: Child,
    /// What it has logged.
    log: Arc<Log>,
    reading: JoinHandle<()>,
}

/// Lines, and whoever waits for more.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Log {
    /// How many lines have this text, once they are as many as that.
    fn count(&self, text: &str, least: usize) -> usize {
        let count = |lines: &[String]| lines.iter().filter(|line| line.contains(text)).count();
        let lines = self.lines.lock().unwrap();
        let waited = self.more.wait_timeout_while(lines, PATIENCE, |lines| count(lines) < least);
        count(&waited.unwrap().0)
    }
}

/// Longer than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(100);

impl Slapd {
    /// With all of its data, running.
    pub fn new() -> Self {
        assert!(
            Path::new(INSTALLED).exists(),
            "OpenLDAP is not installed: run scripts/install-test-tools test."
        );
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::write_to(folder.path());
        let address = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (plain, encrypted) = (address(), address());
        let mut slapd = Self { plain, encrypted, certificates, folder, running: None };
        // Where a profile of AppArmor confines the program by its path, it could read nothing here.
        fs::copy(INSTALLED, slapd.path("slapd")).unwrap();
        fs::create_dir(slapd.path("db")).unwrap();
        fs::write(slapd.path("slapd.conf"), slapd.configuration()).unwrap();
        fs::write(slapd.path("data.ldif"), data()).unwrap();
        slapd.run_tool("add", &["-q", "-l", "data.ldif"]);
        // Somebody else may have taken a port meanwhile.
        for _ in 0..5 {
            if slapd.try_start() {
                return slapd;
            }
            (slapd.plain, slapd.encrypted) = (address(), address());
        }
        panic!("slapd does not start");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run_tool(&self, tool: &str, arguments: &[&str]) {
        let output = Command::new(self.path("slapd"))
            .args(["-T", tool, "-f", "slapd.conf"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Whether it runs. It says so in its log.
    fn try_start(&mut self) -> bool {
        let urls = format!("ldap://{} ldaps://{}", self.plain, self.encrypted);
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", "150"])
            .arg(self.path("slapd"))
            .args(["-f", "slapd.conf", "-d", "stats", "-h", &urls])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::<Log>::default();
        let writes = Arc::clone(&log);
        let reading = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                writes.lines.lock().unwrap().push(line);
                writes.more.notify_all();
            }
        });
        // It says that it is up, or why it ends.
        let told = log.count("slapd st", 1);
        let is_up = told > 0 && log.count("slapd starting", 0) > 0;
        self.running = Some(Process { child, log, reading });
        if !is_up {
            eprintln!("{}", self.log().join("\n"));
            self.stop();
        }
        is_up
    }

    /// Starts it again where it was.
    pub fn start(&mut self) {
        assert!(self.try_start(), "slapd does not start again");
    }

    /// Ends it, and all of its connections.
    pub fn stop(&mut self) {
        if let Some(Process { mut child, reading, .. }) = self.running.take() {
            // `timeout` hands the signal on.
            kill_process(Pid::from_child(&child), Signal::TERM).ok();
            child.wait().ok();
            reading.join().ok();
        }
    }

    /// What it has logged since its start.
    fn log(&self) -> Vec<String> {
        self.running.as_ref().map(|process| process.log.lines.lock().unwrap().clone()).unwrap_or_default()
    }

    /// How many lines of its log have this text; it waits until they are as many as that.
    pub fn count(&self, text: &str, least: usize) -> usize {
        self.running.as_ref().map_or(0, |process| process.log.count(text, least))
    }

    fn configuration(&self) -> String {
        let folder = self.folder.path().display();
        let schemas = ["core", "cosine", "inetorgperson", "nis"]
            .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
            .concat();
        format!(
            "{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.crt
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix dc=example,dc=com
directory {folder}/db
maxsize 10485760
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree=ou=secret,dc=example,dc=com by dn.exact={SERVICE} read by * none
access to * by dn.exact={SERVICE} read by self read by users read by anonymous auth
"
        )
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Users, whose passwords are their names and `-password`, and groups.
fn data() -> String {
    let mut text = format!(
        "dn: dc=example,dc=com\nobjectClass: organization\nobjectClass: dcObject\no: example\ndc: example\n
dn: {SERVICE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: wharf\nuserPassword: {SERVICE_PASSWORD}\n"
    );
    for unit in ["people", "groups", "others", "secret"] {
        text += &format!("\ndn: ou={unit},dc=example,dc=com\nobjectClass: organizationalUnit\nou: {unit}\n");
    }
    let users = [
        ("anna", "people", "departmentNumber: sales\n"),
        ("bert", "people", "departmentNumber: sales\ndepartmentNumber: support\n"),
        ("carl", "people", "departmentNumber: ..\n"),
        ("dora", "people", ""),
        ("emil", "people", "departmentNumber: sales\nemployeeType: disabled\n"),
        ("frida", "people", "departmentNumber: sales\n"),
        ("frida", "others", "departmentNumber: sales\n"),
        ("comma\\,inc", "people", "departmentNumber: sales\n"),
        ("x)(uid=*", "people", "departmentNumber: sales\n"),
        ("hidden", "secret", "departmentNumber: sales\n"),
    ];
    for (name, unit, more) in users {
        let plain = name.replace('\\', "");
        // As the overlay keeps it, which does not see what is loaded before the start.
        let more = match name {
            "anna" | "bert" => format!("{more}memberOf: cn=Partners,ou=groups,dc=example,dc=com\n"),
            _ => more.to_owned(),
        };
        text += &format!(
            "\ndn: uid={name},ou={unit},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {plain}\ncn: {plain}\nsn: x\nuserPassword: {plain}-password\n{more}"
        );
    }
    let member = |name: &str| format!("member: uid={name},ou=people,dc=example,dc=com\n");
    for (group, members) in [("Partners", vec!["anna", "bert", "x)(uid=*"]), ("staff", vec!["anna", "dora"])]
    {
        let members: String = members.into_iter().map(member).collect();
        text += &format!(
            "\ndn: cn={group},ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: {group}\n{members}"
        );
    }
    text += "\ndn: cn=posix,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: posix\ngidNumber: 7\nmemberUid: dora\n";
    text
}
