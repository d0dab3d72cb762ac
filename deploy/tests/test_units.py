"""The files of deploy/ that are no chart: the Dockerfile, the compose file, the systemd unit, the alerts."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

import yaml

from containers import Network, need_root, popen
from support import CHART, HASH, ROOT, SOON, TOOLS, manifests, one, run, wait_until, wharf

UNIT = ROOT / "deploy/systemd/wharf.service"


def promtool(*arguments, **options):
    tool = TOOLS / "prometheus/promtool"
    return run(tool if tool.exists() else "promtool", *arguments, **options)


class Files(unittest.TestCase):
    def test_dockerfile(self):
        ran = run(TOOLS / "deploy/bin/hadolint", ROOT / "deploy/Dockerfile")
        self.assertEqual(ran.stdout, "")
        scan = ["--skip-download", "--framework", "dockerfile", "--compact", "--quiet", "--file", ROOT / "deploy/Dockerfile"]
        run(TOOLS / "checkov/bin/checkov", *scan)

    def test_compose_file(self):
        compose = ROOT / "deploy/compose.yaml"
        run(TOOLS / "deploy/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", compose)
        parsed = yaml.safe_load(compose.read_text())
        config = yaml.safe_load((ROOT / "deploy/compose/wharf.yaml").read_text())
        published = {port.rsplit(":", 1)[1] for port in parsed["services"]["wharf"]["ports"]}
        self.assertEqual(published, {"2121", "9121", config["server"]["passive"]["ports"]})
        # Everybody knows the password, so nobody else may connect.
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in parsed["services"]["wharf"]["ports"]))
        variables = parsed["services"]["wharf"]["environment"]
        run(wharf(), "check", "--config", ROOT / "deploy/compose/wharf.yaml", env={**os.environ, **variables})

    def test_compose_file_with_events(self):
        """It is put over the other one, and its configuration is that of the other one with events."""
        override = ROOT / "deploy/compose/events.yaml"
        run(TOOLS / "deploy/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", override)
        services = yaml.safe_load(override.read_text())["services"]
        targets = [volume.split(":")[1] for volume in services["wharf"]["volumes"]]
        text = (ROOT / "deploy/compose/wharf-events.yaml").read_text()
        config = yaml.safe_load(text)
        events = config.pop("events")
        self.assertEqual(config, yaml.safe_load((ROOT / "deploy/compose/wharf.yaml").read_text()))
        self.assertIn(events["spool"], targets)
        [receiver] = events["to"]
        self.assertIn(receiver["secret"], services["receiver"]["command"])
        self.assertIn(f"/image{events['spool']} ", (ROOT / "deploy/Dockerfile").read_text())
        variables = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["wharf"]["environment"]
        with tempfile.TemporaryDirectory() as folder:
            moved = pathlib.Path(folder) / "wharf.yaml"
            moved.write_text(text.replace(events["spool"], folder))
            run(wharf(), "check", "--config", moved, env={**os.environ, **variables})

    def test_compose_file_of_replicas(self):
        compose = ROOT / "deploy/compose/replicas.yaml"
        run(TOOLS / "deploy/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", compose)
        parsed = yaml.safe_load(compose.read_text())
        path = ROOT / "deploy/compose/replicas/wharf.yaml"
        config = yaml.safe_load(path.read_text())
        ports = config["server"]["passive"]["ports"]
        self.assertEqual({port for port in parsed["services"]["haproxy"]["ports"]}, {"127.0.0.1:2121:2121", f"127.0.0.1:{ports}:{ports}"})
        self.assertIn(f"bind :{ports}", (ROOT / "deploy/compose/replicas/haproxy.cfg").read_text())
        low, high = map(int, ports.split("-"))
        replicas = [service for name, service in parsed["services"].items() if name.startswith("wharf-")]
        self.assertEqual(high - low + 1, len(replicas) * config["cluster"]["ports_per_replica"])
        self.assertEqual([service["hostname"] for service in replicas], ["wharf-0", "wharf-1", "wharf-2"])
        run(wharf(), "check", "--config", path)

    def test_bucket_of_the_compose_file_is_made_before_anybody_goes_on(self):
        """With a `weed` that can't at first."""
        command = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["bucket"]["command"]
        with tempfile.TemporaryDirectory() as folder:
            tried = pathlib.Path(folder) / "tried"
            weed = pathlib.Path(folder) / "weed"
            for last in ("created bucket inbound", "error: bucket inbound already exists"):
                tried.write_text("")
                weed.write_text(
                    f"#!/bin/sh\necho >>{tried}\n"
                    'echo "create bucket under /buckets"\n'
                    f'[ $(wc -l <{tried}) -lt 3 ] && echo "error: no volume is there yet" || echo "{last}"\n'
                )
                weed.chmod(0o755)
                [script] = [text.replace("$$", "$").replace("/usr/bin/weed", str(weed)) for text in command]
                run("/bin/sh", "-ec", "sleep() { :; }\n" + script)
                self.assertEqual(len(tried.read_text()), 3)
            weed.write_text('#!/bin/sh\necho "create bucket under /buckets"\necho "error: no volume is there"\n')
            ran = run("/bin/sh", "-ec", "sleep() { :; }\n" + script, check=False)
            self.assertNotEqual(ran.returncode, 0)

    def test_alerts(self):
        for rules in (CHART / "files/alerts.yaml", CHART / "files/recording.yaml"):
            self.assertIn("SUCCESS", promtool("check", "rules", rules).stdout)

    def test_alerts_fire(self):
        promtool("test", "rules", ROOT / "deploy/tests/alerts.yaml")

    def test_alerts_ask_for_the_job_that_there_is(self):
        """That of the guide, and the one that the Prometheus Operator makes of the chart's ServiceMonitor."""
        jobs = set(re.findall(r'job="(.*?)"', (CHART / "files/alerts.yaml").read_text()))
        sample = re.search(r"```text\n(scrape_configs:.*?)```", (ROOT / "docs/metrics.md").read_text(), re.S)[1]
        self.assertEqual({job["job_name"] for job in yaml.safe_load(sample)["scrape_configs"]}, jobs)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(sample)
            file.flush()
            promtool("check", "config", file.name)
        documents = manifests("--set=serviceMonitor.enabled=true,fullnameOverride=ftp")
        monitor = one("ServiceMonitor", documents)["spec"]
        selected = [
            document["metadata"]["labels"]
            for document in documents
            if document["kind"] == "Service" and monitor["selector"]["matchLabels"].items() <= document["metadata"]["labels"].items()
        ]
        self.assertEqual({labels[monitor["jobLabel"]] for labels in selected}, jobs)


def configurations(path):
    """What a file shows as YAML: the whole of it, or its fenced blocks."""
    text = path.read_text()
    return re.findall(r"^```ya?ml[^\n]*\n(.*?)^```", text, re.M | re.S) if path.suffix == ".md" else [text]


class Passwords(unittest.TestCase):
    def test_known_ones_are_for_loopback_alone(self):
        """Everybody knows the password of the quick start, and whoever copies its hash forgets that."""
        known = re.findall(r'password: "(\$.*?)"', (ROOT / "config/quickstart.yaml").read_text())
        self.assertIn(HASH, known)
        shown = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("config/*.yaml")]
        shown += [path for path in ROOT.glob("deploy/**/*") if path.suffix in (".md", ".yaml", ".yml")]
        seen = 0
        for path in shown:
            whole, blocks = path.read_text(), configurations(path)
            for password in known:
                self.assertEqual(whole.count(password), "".join(blocks).count(password), f"{path} has it outside of YAML")
            for text in blocks:
                if any(password in text for password in known):
                    seen += 1
                    listen = (yaml.safe_load(text).get("server") or {}).get("listen", ["0.0.0.0:2121"])
                    self.assertTrue(listen and all(a.startswith(("127.0.0.1:", "[::1]:")) for a in listen), f"{path}: {listen}")
        self.assertEqual(seen, 1, "the quick start itself")


class Systemd(unittest.TestCase):
    def test_documentation_is_where_the_unit_says(self):
        document = re.search(r"^Documentation=file:(.*)/(\w+\.md)$", UNIT.read_text(), re.M)
        self.assertTrue((ROOT / "docs" / document[2]).exists())
        self.assertIn(f"install -D -m 644 -t {document[1]} docs/*.md\n", (ROOT / "docs/deployment.md").read_text())

    def test_other_users_find_the_program_in_the_guide(self):
        """`sudo -u` looks where sudo's secure_path says, which doesn't have /usr/local/bin everywhere."""
        guide = (ROOT / "docs/deployment.md").read_text()
        self.assertEqual(set(re.findall(r"sudo -u wharf (\S+)", guide)), {"/usr/local/bin/wharf"})

    def test_unit_is_known_and_confined(self):
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "wharf.service"
            unit.write_text(UNIT.read_text().replace("/usr/local/bin/wharf", str(wharf())))
            ran = run("systemd-analyze", "verify", unit)
            # What it doesn't know, it says and is content.
            complaints = [line for line in ran.stderr.splitlines() if "wharf.service" in line]
            self.assertEqual(complaints, [])
            run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)

    def test_the_machine_is_known_to_the_service(self):
        """What of /proc is no process: the names of the machine, and of this boot, by which others see whether a server is gone."""
        self.assertNotRegex(UNIT.read_text(), r"(?m)^ProcSubset\s*=\s*pid")

    def test_user_can_be_made(self):
        ran = run("systemd-sysusers", "--dry-run", ROOT / "deploy/systemd/wharf.sysusers")
        self.assertIn("wharf", ran.stdout + ran.stderr)
        self.assertNotIn("ignoring", ran.stdout + ran.stderr)

    def test_the_service_waits_longer_than_the_grace(self):
        seconds = int(re.search(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.M)[1])
        self.assertGreater(seconds, 30)

    def test_port_21_without_root_and_what_systemd_is_told(self):
        """The user, the one capability, and NoNewPrivileges of the unit; systemd itself isn't running here."""
        need_root()
        capability = re.search(r"^AmbientCapabilities=CAP_(\w+)$", UNIT.read_text(), re.M)[1].lower()
        network = Network()
        self.addCleanup(network.remove)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        config = folder / "wharf.yaml"
        config.write_text(
            'server: { listen: ["127.0.0.1:21"] }\n'
            "backends: { scratch: { kind: memory } }\n"
            "users: [ { name: demo, password: demo, plain: true, backend: scratch, permissions: full } ]\n"
        )
        # The program may stand where nobody else looks.
        program = folder / "wharf"
        program.write_bytes(wharf().read_bytes())
        program.chmod(0o755)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(str(folder / "notify"))
        (folder / "notify").chmod(0o777)
        told.settimeout(SOON)
        command = [
            *["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs"],
            *[f"--bounding-set=-all,+{capability}", f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"],
            *[program, "serve", "--config", config],
        ]
        environment = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(folder / "notify")}
        server = popen(network, *command, env=environment, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        self.assertIn("READY=1", told.recv(1000).decode().splitlines())
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        self.assertRegex(status, r"Uid:\s+65532")
        self.assertRegex(status, r"CapEff:\s+0000000000000400\n")
        (folder / "sent").write_text("by port 21")
        network.run("curl", "-sS", "-T", folder / "sent", "ftp://demo:demo@127.0.0.1:21/sent")
        fetched = network.run("curl", "-sS", "ftp://demo:demo@127.0.0.1:21/sent").stdout
        self.assertEqual(fetched, "by port 21")
        self.assertIn("ready", network.run(program, "health").stdout)
        server.terminate()
        self.assertIn("STOPPING=1", told.recv(1000).decode().splitlines())
        self.assertEqual(server.wait(SOON), 0)


if __name__ == "__main__":
    unittest.main()
