//! The dashboard, the alerts and the recording rules, on a real Prometheus that collects the metrics of a real run.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wharf_testing::block_on;
use wharf_testing::played::{Asked, Played, answer};

use crate::support::{Running, S3, Setup, closed_port, login, metric, request, wait_until};

/// A store that speaks as much S3 as uploads need. It has too much to do when the first one comes.
fn busy_store() -> Played {
    let mut uploads = 0;
    let play = move |request: &Asked| match request.method.as_str() {
        "PUT" => {
            uploads += 1;
            Some(if uploads == 1 { answer(503, &[], "") } else { answer(200, &[("etag", "\"1\"")], "") })
        }
        _ => Some(answer(403, &[], "")),
    };
    block_on(Played::new(play))
}

/// Queries that find nothing in a server that is well, and why. What they ask for can't be made to happen in a short test.
const EMPTY: &[(&str, &str)] = &[
    ("wharf_disk_timeouts_total", "no disk has hung"),
    ("wharf_tls_crl_next_update_timestamp_seconds", "there is no revocation list"),
    ("wharf_cluster_relayed_connections_total", "the server is alone"),
    ("wharf_cluster_relayed_bytes_total", "the server is alone"),
    ("wharf_cluster_relay_failures_total", "the server is alone"),
    ("wharf_cluster_replicas", "the server is alone"),
    ("wharf_cluster_told_bytes_total", "the server is alone"),
    ("wharf_scan_duration_seconds", "nothing is scanned, so this is not a number"),
];

/// Metrics that neither the dashboard nor a rule shows, and why.
const UNUSED: &[(&str, &str)] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file(name: &str) -> String {
    fs::read_to_string(root().join("deploy/helm/wharf/files").join(name)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&file("dashboard.json")).unwrap()
}

/// A query, and where it stands.
struct Query {
    place: String,
    text: String,
}

fn of_dashboard() -> Vec<Query> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let place = format!("panel {}", panel["title"]);
            queries.push(Query { place, text: target["expr"].as_str().unwrap().to_owned() });
        }
    }
    for note in dashboard["annotations"]["list"].as_array().unwrap() {
        let place = format!("annotation {}", note["name"]);
        queries.push(Query { place, text: note["expr"].as_str().unwrap().to_owned() });
    }
    queries
}

#[derive(serde::Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(serde::Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
}

fn rules(name: &str) -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&file(name)).unwrap();
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// The metrics that a query names, without what a histogram adds.
fn names(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("wharf_") || word.starts_with("process_"));
    ours.map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned()).collect()
}

#[test]
fn queries_name_the_metrics_that_there_are_and_all_of_them() {
    let guide = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next());
    let described: BTreeSet<&str> =
        rows.filter(|name| name.starts_with("wharf_") || name.starts_with("process_")).collect();
    let mut used = BTreeSet::new();
    let of_rules = ["alerts.yaml", "recording.yaml"].into_iter().flat_map(rules);
    let of_rules = of_rules.map(|rule| Query { place: rule.alert.or(rule.record).unwrap(), text: rule.expr });
    for query in of_dashboard().into_iter().chain(of_rules) {
        for name in names(&query.text) {
            assert!(described.contains(&*name), "{}: there is no {name}", query.place);
            used.insert(name);
        }
    }
    for (name, reason) in UNUSED {
        assert!(
            !used.contains(*name) && described.contains(name),
            "{name} ({reason}) is used, or is no more"
        );
        used.insert((*name).to_owned());
    }
    let forgotten: Vec<_> = described.iter().filter(|name| !used.contains(**name)).collect();
    assert!(forgotten.is_empty(), "no panel and no rule shows {forgotten:?}");
}

#[test]
fn panels_stand_beside_each_other() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
    for (number, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(x + w <= 24, "{} is too wide", panel["title"]);
        assert!(panel["type"] == "row" || panel["fieldConfig"]["defaults"]["unit"].is_string(), "{panel}");
        for other in &panels[..number] {
            let [a, b, c, d] = place(other);
            let apart = x >= a + c || a >= x + w || y >= b + d || b >= y + h;
            assert!(apart, "{} covers {}", panel["title"], other["title"]);
        }
    }
}

/// A Prometheus that collects from one server, each second. It ends when it is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(folder: &Path, target: SocketAddr) -> Self {
        let files = root().join("deploy/helm/wharf/files");
        let files = files.to_str().unwrap();
        let config = folder.join("prometheus.yaml");
        let labels = "{ namespace: ftp, pod: wharf-0 }";
        fs::write(
            &config,
            format!(
                "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{files}/alerts.yaml, {files}/recording.yaml]
scrape_configs:
  - job_name: wharf
    static_configs: [{{ targets: [\"{target}\"], labels: {labels} }}]
"
            ),
        )
        .unwrap();
        let installed = root().join(".test-tools/prometheus/prometheus");
        let program = if installed.exists() { installed } else { PathBuf::from("prometheus") };
        let mut child = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("series").display()))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--web.console.libraries=",
                "--web.console.templates=",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; scripts/install-test-tools", program.display()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.by_ref().map_while(Result::ok).find_map(|line| {
            Some(line.split_once("msg=\"Listening on\" address=")?.1.split(' ').next()?.to_owned())
        });
        // It may go on to say something.
        std::thread::spawn(move || lines.for_each(drop));
        let prometheus = Self { child, address: said.expect("Prometheus listens").parse().unwrap() };
        wait_until_slowly("Prometheus is ready", || {
            request(prometheus.address, "GET /-/ready HTTP/1.0\r\nHost: test").0 == 200
        });
        prometheus
    }

    /// What a query finds now: the values of its series.
    fn ask(&self, query: &str) -> Result<Vec<f64>, String> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let line = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: test");
        let (_, answer) = request(self.address, &line);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let parsed: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {answer}"))?;
        if parsed["status"] != "success" {
            return Err(parsed["error"].to_string());
        }
        let series = parsed["data"]["result"].as_array().cloned().unwrap_or_default();
        Ok(series.iter().map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect())
    }

    /// Waits until a query finds a value that is more than this.
    #[track_caller]
    fn wait_for(&self, query: &str, least: f64) {
        let mut last = Ok(Vec::new());
        wait_until_slowly(&format!("{query} > {least}"), || {
            last = self.ask(query);
            last.as_ref().is_ok_and(|values| values.iter().any(|value| *value > least))
        });
    }
}

/// As `wait_until`, for what comes about each second: others need the processor more.
#[track_caller]
fn wait_until_slowly(what: &str, mut happened: impl FnMut() -> bool) {
    wait_until(what, || {
        let now = happened();
        if !now {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        now
    });
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What clients do in some minutes of an evil day.
fn work(server: &Running<'_>) {
    for user in ["disk", "scratch", "lake"] {
        let mut client = server.connect_tls();
        client.login(user, "demo");
        client.encrypt_data();
        client.store("a", b"some bytes");
        client.retrieve("a");
        client.names("");
        client.expect("RNFR a", 350);
        client.expect("RNTO b", 250);
        client.expect("DELE b", 250);
        client.expect("DELE nowhere", 550);
        client.expect("MKD d", 257);
        client.expect("RMD d", 250);
        client.expect("QUIT", 221);
    }
    server.login_as("busy", "demo").store("f", b"content");
    // A transfer that is given up.
    let mut aborts = server.login_as("disk", "demo");
    let upload = aborts.start_transfer("STOR given-up");
    aborts.expect("ABOR", 426);
    aborts.expect_reply(226);
    drop((upload, aborts));
    let mut appends = server.login_as("disk", "demo");
    assert_eq!(appends.try_store("APPE log", b"line\n").code, 226);
    let (_, refused) = appends.try_fetch("RETR nowhere");
    assert_eq!(refused.code, 550);
    // A quota, a limit, a wrong password, and somebody else who is asked and does not answer.
    assert_eq!(server.login_as("small", "demo").try_store("STOR b", &[0; 2000]).code, 552);
    assert_eq!(login(server, "disk", "wrong"), 530);
    assert_eq!(login(server, "elsewhere", "demo"), 430);
}

#[test]
fn every_query_finds_what_it_is_for() {
    let (_held, nobody) = closed_port();
    let lake = S3::SeaweedFs.backend();
    let store = busy_store();
    let busy = &store.url;
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  scratch: {{ kind: memory }}
  lake: {lake}
  busy: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{busy}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: disk, password: demo, plain: true, backend: disk, path: a }}
  - {{ name: scratch, password: demo, plain: true, backend: scratch }}
  - {{ name: busy, password: demo, plain: true, backend: busy }}
  - {{ name: lake, password: demo, plain: true, backend: lake }}
  - {{ name: small, password: demo, plain: true, backend: disk, path: small, quota: {{ bytes: 1000 }} }}
audit: [{{ to: {{ file: '{{folder}}/audit.jsonl' }} }}]
users_from:
  - {{ http: 'http://{nobody}/', timeout: 100ms }}
events: {{ spool: '{{folder}}/events', to: [{{ name: hook, url: 'http://{nobody}/' }}] }}
"
    ))
    .http()
    .server("failed_login_delay: 0s")
    .tls("optional");
    fs::create_dir_all(setup.files().join("a")).unwrap();
    fs::create_dir_all(setup.files().join("small")).unwrap();
    fs::create_dir(setup.folder().join("events")).unwrap();
    let server = setup.start();
    let prometheus = Prometheus::start(setup.folder(), server.http_address());
    prometheus.wait_for("wharf_ready", 0.0);
    // A rate needs two values, and some series are there only when something has happened.
    for round in 1..=2 {
        work(&server);
        let handshakes = "wharf_tls_handshakes_total{connection=\"control\",result=\"done\"}";
        let done = metric(&server, handshakes).unwrap();
        assert!(done >= f64::from(3 * round), "{done}");
        prometheus.wait_for(handshakes, done - 0.5);
        let failed = "wharf_logins_total{result=\"unavailable\"}";
        prometheus.wait_for(failed, metric(&server, failed).unwrap() - 0.5);
    }
    prometheus.wait_for("rate(wharf_backend_requests_total{request=\"put\"}[5m])", 0.0);
    let mut wrong = Vec::new();
    for Query { place, text } in of_dashboard() {
        let query = ["job", "namespace", "pod", "instance"]
            .iter()
            .fold(text, |text, name| text.replace(&format!("${name}"), ".*"))
            .replace("$__rate_interval", "5m");
        let empty = EMPTY.iter().find(|(name, _)| query.contains(name));
        match (prometheus.ask(&query), empty) {
            (Err(error), _) => wrong.push(format!("{place}: {error}")),
            (Ok(values), None) if values.is_empty() => wrong.push(format!("{place} is empty: {query}")),
            (Ok(values), None) if values.iter().all(|value| value.is_nan()) => {
                wrong.push(format!("{place} has no number: {query}"));
            }
            (Ok(values), Some((_, reason))) if !values.iter().all(|value| value.is_nan()) => {
                wrong.push(format!("{place} is not empty ({reason}): {query}"));
            }
            _ => {}
        }
    }
    for rule in rules("recording.yaml") {
        let name = rule.record.unwrap();
        prometheus.wait_for(&format!("count({name})"), 0.0);
        match prometheus.ask(&rule.expr) {
            Ok(values) if values.iter().any(|value| !value.is_nan()) => {}
            found => wrong.push(format!("{name}: {found:?}")),
        }
    }
    // Alerts compare: what they ask for is there if it is compared with something else.
    for rule in rules("alerts.yaml") {
        let name = rule.alert.unwrap();
        if let Err(error) = prometheus.ask(&rule.expr) {
            wrong.push(format!("{name}: {error}"));
        }
        for metric in names(&rule.expr).iter().filter(|metric| EMPTY.iter().all(|(name, _)| name != metric)) {
            let series = format!("{{__name__=~\"{metric}(_count)?\"}}");
            if prometheus.ask(&series).is_ok_and(|values| values.is_empty()) {
                wrong.push(format!("{name}: {metric} is not there"));
            }
        }
    }
    // These are about what was made to happen.
    prometheus.wait_for("ALERTS{alertname=\"WharfUsersUnavailable\"}", 0.0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
