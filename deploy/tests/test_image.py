"""The image: what is in it, and that it serves as the compose file and the chart start it."""

import base64
import filecmp
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import unittest

import containers
import testpod
from containers import IMAGE, Container, Network, buildah, podman, popen, service
from support import CHART, ROOT, TOOLS, Pod, certificate, manifests, one, run

STORE_NAME = "store.wharf.test"
# The container's limit in tests of what it takes, in MiB.
LIMIT = 256


def setUpModule():
    containers.need_root()
    containers.store_image()
    containers.build()


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.about = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]
        cls.config = cls.about["config"]

    def test_is_small_and_has_nothing_but_the_server(self):
        container = buildah("from", IMAGE)
        try:
            mounted = pathlib.Path(buildah("mount", container))
            files = {str(path.relative_to(mounted)) for path in mounted.rglob("*") if path.is_file()}
            size = sum(path.stat().st_size for path in mounted.rglob("*") if path.is_file())
            owner = (mounted / "srv/ftp").stat()
        finally:
            buildah("rm", container)
        expected = {
            *("usr/local/bin/wharf", "etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group", "etc/nsswitch.conf"),
            "usr/share/doc/wharf/LICENSE",
        }
        self.assertEqual(files, expected)
        # This one is built sooner than one for users, and larger for that.
        self.assertLess(size, 60 << 20)
        self.assertEqual((owner.st_uid, owner.st_gid), (65532, 65532))

    def test_says_what_it_is(self):
        labels = self.config["Labels"]
        program = podman("run", "--rm", "--network=none", "--no-healthcheck", *LIMITS, IMAGE, "--version").stdout.split()
        self.assertEqual(program, ["wharf", labels["org.opencontainers.image.version"]])
        self.assertEqual(labels["org.opencontainers.image.revision"], "test")
        for label in ("title", "description", "licenses"):
            self.assertTrue(labels[f"org.opencontainers.image.{label}"])

    def test_is_nobody_and_looks_after_itself(self):
        self.assertEqual(self.config["User"], "65532:65532")
        self.assertEqual(self.config["Entrypoint"], ["/usr/local/bin/wharf"])
        # What the image serves when nobody says anything else.
        self.assertEqual(self.config["Cmd"], ["serve", *(config := ["--config", "/etc/wharf/wharf.yaml"])])
        self.assertEqual(self.config["Healthcheck"]["Test"], ["CMD", "/usr/local/bin/wharf", "health", *config])


LIMITS = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]


class Served(unittest.TestCase):
    """SeaweedFS by the compose file, and Wharf in front of it in one way after the other."""

    @classmethod
    def setUpClass(cls):
        cls.network = Network()
        cls.addClassCleanup(cls.network.remove)
        store = service(cls.network, "seaweedfs")
        cls.addClassCleanup(store.remove)
        bucket = service(cls.network, "bucket")
        cls.addClassCleanup(bucket.remove)
        if bucket.exit_code() != 0:
            raise AssertionError(f"{bucket.log()}\n{store.log()}")

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def wait_until_ready(self, container):
        def ready():
            ran = podman("exec", container.name, "/usr/local/bin/wharf", "health", check=False)
            return ran.returncode == 0

        container.wait_until("it is ready", ready)

    def curl(self, *arguments, **options):
        return self.network.run("curl", "-sS", "--max-time", "60", *arguments, **options)

    def exchange(self, url, *how):
        """Stores a file, lists it, fetches it."""
        sent = self.folder / "sent.bin"
        sent.write_bytes(random.randbytes(12_000_000))
        fetched = self.folder / "fetched.bin"
        self.curl(*how, "-T", sent, f"{url}/sent.bin")
        self.assertIn("sent.bin", self.curl(*how, f"{url}/").stdout)
        self.curl(*how, "-o", fetched, f"{url}/sent.bin")
        self.assertTrue(filecmp.cmp(sent, fetched, shallow=False))

    def assert_confined(self, container, mebibytes):
        """What the kernel knows of the process."""
        pid = container.state()[2]
        process = containers.processes_of(pid)
        self.assertEqual(process["Uid"].split(), ["65532"] * 4)
        for capabilities in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            self.assertEqual(int(process[capabilities], 16), 0, capabilities)
        self.assertEqual(process["NoNewPrivs"], "1")
        mounts = [line.split() for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
        [root] = [mount for mount in mounts if mount[4] == "/"]
        self.assertIn("ro", root[5].split(","))
        found = podman("inspect", "--format", "{{.HostConfig.Memory}}", container.name).stdout
        self.assertEqual(int(found), mebibytes << 20)

    def test_by_compose(self):
        wharf = service(self.network, "wharf", image=IMAGE)
        self.addCleanup(wharf.remove)
        self.wait_until_ready(wharf)
        self.assert_confined(wharf, 512)
        self.exchange("ftp://demo:demo@127.0.0.1:2121")
        self.assertEqual(wharf.stop(45), 0, wharf.log())

    def rendered(self, *arguments, given=None):
        """Starts the container of the rendered pod: its arguments, files, user, limits."""
        documents = manifests(*arguments)
        pod = Pod(documents, self.folder, given)
        container = pod.container
        options = ["--user", f"{pod.pod['securityContext']['runAsUser']}:{pod.pod['securityContext']['runAsGroup']}"]
        context = container["securityContext"]
        if context["readOnlyRootFilesystem"]:
            options += ["--read-only", "--read-only-tmpfs=false"]
        options += [f"--cap-drop={capability}" for capability in context["capabilities"]["drop"]]
        if not context["allowPrivilegeEscalation"]:
            options += ["--security-opt=no-new-privileges"]
        options += ["--memory", container["resources"]["limits"]["memory"].lower().replace("mi", "m")]
        for path, place in pod.mounts.items():
            if path in pod.temporary:
                options += ["--tmpfs", f"{path}:mode=1777,size={pod.temporary[path].lower().rstrip('i')}"]
            else:
                # As the kubelet does it: root's, for the group of the pod.
                for entry in [place, *place.iterdir()]:
                    os.chown(entry, 0, pod.pod["securityContext"]["fsGroup"])
                    entry.chmod(0o750 if entry.is_dir() else 0o440)
                options += ["--volume", f"{place}:{path}:ro"]
        running = Container(
            self.network, "pod", IMAGE, *container["args"], options=[*options, "--dns=127.0.0.1", "--dns-option=timeout:1"]
        )
        self.addCleanup(running.remove)
        probe = container["readinessProbe"]["httpGet"]
        [port] = [port["containerPort"] for port in container["ports"] if port["name"] == probe["port"]]
        url = f"http://127.0.0.1:{port}{probe['path']}"
        running.wait_until("it is ready", lambda: self.curl("-f", url, check=False).returncode == 0)
        return documents, running

    def helm_test(self, documents):
        """The script of `helm test`, with this machine's curl."""
        service = one("Service", documents, "wharf")["spec"]
        ports = {port["name"]: port for port in one("StatefulSet", documents)["spec"]["template"]["spec"]["containers"][0]["ports"]}
        control = f"127.0.0.1:{ports[service['ports'][0]['targetPort']]['containerPort']}"
        command, environment = testpod.script(documents, self.folder, control=control, health="127.0.0.1:9121")
        return self.network.run(*command, env={**os.environ, **environment})

    def test_as_the_rendered_pod_over_tls(self):
        name_server = popen(
            self.network,
            *[TOOLS / "deploy/bin/python", ROOT / "deploy/tests/dns.py", STORE_NAME],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(name_server.communicate)
        self.addCleanup(name_server.kill)
        self.assertEqual(name_server.stdout.readline(), "ready\n")
        tls = {name: (certificate() / name).read_text() for name in ("tls.crt", "tls.key")}
        identity = json.loads((ROOT / "deploy/compose/s3.json").read_text())["identities"][0]["credentials"][0]
        documents, pod = self.rendered(
            *["--values", str(CHART / "examples/s3-compatible.yaml")],
            *[f"--set=backends.lake.endpoint=http://{STORE_NAME}:8333", "--set=passive.address=127.0.0.1"],
            *["--set=backends.lake.prefix=rendered", f"--set=resources.limits.memory={LIMIT}Mi"],
            given={"ftp-certificate": tls, "lake": {"id": identity["accessKey"], "secret": identity["secretKey"]}},
        )
        self.assert_confined(pod, LIMIT)
        (self.folder / "password").write_text(password := self.password(documents))
        login = ["--ssl-reqd", "--cacert", certificate() / "tls.crt", "--user", f"demo:{password}"]
        self.exchange("ftp://127.0.0.1:2121", *login)
        plain = self.curl("--user", f"demo:{password}", "ftp://127.0.0.1:2121/", check=False)
        self.assertEqual(plain.returncode, 67, "a login in plain text is refused")

        tree = self.folder / "tree"
        for number in range(20):
            file = tree / f"folder {number % 3}" / f"file-{number}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(random.randbytes(number * 10_000))
        settings = f"set cmd:fail-exit yes; set ssl:ca-file {certificate() / 'tls.crt'}; set ftp:ssl-force yes; set net:max-retries 2"
        mirror = f"{settings}; mirror -R --parallel=4 {tree} tree; mirror --parallel=4 tree {self.folder}/back; bye"
        self.network.run("lftp", "-u", f"demo,{password}", "-e", mirror, "ftp://localhost:2121", env={**os.environ, "HOME": str(self.folder)})
        for file in tree.rglob("*.bin"):
            back = self.folder / "back" / file.relative_to(tree)
            self.assertTrue(filecmp.cmp(file, back, shallow=False), back)

        ran = self.helm_test(documents)
        self.assertIn("both are the same", ran.stdout)
        self.assert_metrics_are_clean()
        self.assertEqual(pod.stop(60), 0, pod.log())

    def test_as_the_chart_is(self):
        documents, pod = self.rendered()
        self.assert_confined(pod, 512)
        (self.folder / "password").write_text(self.password(documents))
        self.assertIn("both are the same", self.helm_test(documents).stdout)
        # The health check of the image, in a container that has no other program.
        command = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]["Healthcheck"]["Test"][1:]
        self.assertIn("ready", podman("exec", pod.name, *command).stdout)
        os.kill(pod.state()[2], signal.SIGTERM)
        self.assertEqual(pod.exit_code(), 0, pod.log())

    def password(self, documents):
        return base64.b64decode(one("Secret", documents)["data"]["generated.demo"]).decode()

    def assert_metrics_are_clean(self):
        metrics = self.curl("http://127.0.0.1:9121/metrics").stdout
        self.assertIn('wharf_transfers_total{operation="upload",result="complete"}', metrics)
        promtool = TOOLS / "prometheus/promtool"
        ran = run(promtool if promtool.exists() else "promtool", "check", "metrics", input=metrics)
        self.assertEqual(ran.stdout + ran.stderr, "")


if __name__ == "__main__":
    unittest.main()
