"""The Helm chart: what it becomes, whether Kubernetes takes it, and whether Wharf takes the configuration in it."""

import base64
import http.server
import json
import pathlib
import re
import tempfile
import threading
import unittest

import yaml

from support import CHART, EXAMPLES, HASH, HELMS, ROOT, TOOLS, Pod, certificate, helm, manifests, one, run, template

# Kinds that Kubernetes itself doesn't have.
FOREIGN = {"Certificate", "ServiceMonitor"}

# What checkov finds and why it stays, by check and kind of resource.
EXPLAINED = {
    ("CKV_K8S_8", "Pod"): "the pod of `helm test` ends by itself",
    ("CKV_K8S_9", "Pod"): "nothing connects to the pod of `helm test`",
    ("CKV_K8S_15", "Pod"): "the image of `helm test` has a version; nodes without a registry have to be able to run it",
    ("CKV_K8S_43", "Pod"): "the image of `helm test` is a value",
    ("CKV2_K8S_6", "Pod"): "nothing connects to the pod of `helm test`",
}
EXPLAINED_IN = {
    "host-network": {("CKV_K8S_19", "StatefulSet"): "the example is about the node's network"},
    "own-configuration": {("CKV_K8S_35", "StatefulSet"): "the example shows a secret from the environment"},
}

# Secrets and ConfigMaps that the examples name and somebody else makes.
OWN_CONFIGURATION = """
server: { listen: ["0.0.0.0:2121"], passive: { ports: 61000-61031 } }
http: { listen: ["0.0.0.0:9121"] }
backends:
  lake: { kind: s3, bucket: lake, region: eu-west-1, access_key_id: wharf, secret_access_key: { env: LAKE_SECRET } }
users: [ { name: demo, password: { file: /run/wharf/passwords/demo }, backend: lake } ]
"""


def given():
    tls = {name: (certificate() / name).read_text() for name in ("tls.crt", "tls.key")}
    return {
        "ftp-users": {"partner": HASH, "demo": HASH},
        "ftp-certificate": tls,
        "wharf-tls": tls,
        "lake": {"id": "wharf", "secret": "secret"},
        "wharf-configuration": {"wharf.yaml": OWN_CONFIGURATION},
    }


def values(example):
    return ("--values", str(example)) if example else ()


def pods(documents):
    for document in documents:
        if document["kind"] == "Pod":
            yield document, document["spec"]
        elif document["kind"] == "StatefulSet":
            yield document, document["spec"]["template"]["spec"]


# The chart as it is, and each example.
EACH = [None, *EXAMPLES]


class Chart(unittest.TestCase):
    def about(self, example):
        return self.subTest(example.stem if example else "as it is")

    def test_lints(self):
        for version in HELMS:
            for example in EACH:
                with self.about(example):
                    helm("lint", "--strict", CHART, *values(example), version=version)

    def test_is_packaged(self):
        with tempfile.TemporaryDirectory() as folder:
            helm("package", CHART, "--destination", folder)
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["wharf-0.1.0.tgz"])

    def test_has_the_version_of_the_program(self):
        version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))
        self.assertIn(f"ARG VERSION={version}\n", (ROOT / "deploy/Dockerfile").read_text())

    def test_both_helms_make_the_same(self):
        for example in EACH:
            with self.about(example):
                own = manifests(*values(example))
                other = manifests(*values(example), version=HELMS[1])
                for document in [*own, *other]:
                    if document["kind"] == "Secret":
                        document["data"] = sorted(document["data"])  # generated anew by each
                key = lambda document: (document["kind"], document["metadata"]["name"])
                self.assertEqual(sorted(own, key=key), sorted(other, key=key))

    def test_kubernetes_takes_the_manifests(self):
        with tempfile.TemporaryDirectory() as folder:
            for example in EACH:
                with self.about(example):
                    path = pathlib.Path(folder) / "all.yaml"
                    path.write_text(template(*values(example)))
                    for version in ("1.27", "1.37"):
                        ran = run(TOOLS / "deploy/bin/kubernetes-validate", "--strict", "-k", version, path)
                        output = ran.stdout + ran.stderr
                        unknown = set(re.findall(r"find schema for kind (\w+)", output))
                        self.assertLessEqual(unknown, FOREIGN, output)
                        self.assertNotIn("ERROR", output)

    def test_wharf_takes_the_configuration(self):
        for example in EACH:
            with self.about(example):
                with tempfile.TemporaryDirectory() as folder:
                    ran = Pod(manifests(*values(example)), folder, given()).check()
                    self.assertNotIn("warning", ran.stderr)

    def test_scanner_finds_nothing_that_is_not_explained(self):
        with tempfile.TemporaryDirectory() as folder:
            for example in EACH:
                name = example.stem if example else "default"
                digest = f"--set=image.digest=sha256:{'a' * 64}"
                (pathlib.Path(folder) / f"{name}.yaml").write_text(template(digest, *values(example)))
            scan = ["--skip-download", "--directory", folder, "--framework", "kubernetes", "--output", "json"]
            report = json.loads(run(TOOLS / "checkov/bin/checkov", *scan, check=False).stdout)
        self.assertEqual(report["summary"]["parsing_errors"], 0)
        self.assertGreater(report["summary"]["passed"], 1000)
        unexplained, used = [], set()
        for found in report["results"]["failed_checks"]:
            place = (found["check_id"], found["resource"].split(".")[0])
            here = EXPLAINED | EXPLAINED_IN.get(pathlib.Path(found["file_path"]).stem, {})
            used.add(place)
            if place not in here:
                unexplained.append((found["check_id"], found["check_name"], found["resource"], found["file_path"]))
        self.assertEqual(unexplained, [])
        explained = set(EXPLAINED).union(*EXPLAINED_IN.values())
        self.assertEqual(explained - used, set(), "these are explained and not found any more")

    def test_pods_keep_the_restricted_profile(self):
        for example in EACH:
            with self.about(example):
                for document, pod in pods(manifests(*values(example))):
                    allowed = example is not None and example.stem == "host-network" and document["kind"] == "StatefulSet"
                    self.assertEqual(pod.get("hostNetwork", False), allowed)
                    for key in ("hostPID", "hostIPC", "ephemeralContainers", "initContainers"):
                        self.assertNotIn(key, pod)
                    self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    for volume in pod["volumes"]:
                        self.assertLessEqual(
                            set(volume) - {"name"}, {"configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"}
                        )
                    for container in pod["containers"]:
                        context = container["securityContext"]
                        self.assertIs(context["allowPrivilegeEscalation"], False)
                        self.assertIs(context["readOnlyRootFilesystem"], True)
                        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertFalse(any("hostPort" in port for port in container.get("ports", [])))

    def test_one_value_is_the_passive_range_everywhere(self):
        for ports in ("61000-61031", "62000", "50000-50003"):
            documents = manifests("--set-string", f"passive.ports={ports},passive.address=ftp.example.com")
            low, high = int(ports.split("-")[0]), int(ports.split("-")[-1])
            expected = list(range(low, high + 1))
            [container] = one("StatefulSet", documents)["spec"]["template"]["spec"]["containers"]
            inside = [port["containerPort"] for port in container["ports"] if port["name"].startswith("passive-")]
            self.assertEqual(inside, expected)
            service = one("Service", documents, "wharf")["spec"]["ports"]
            outside = [(p["port"], p["targetPort"]) for p in service if p["name"].startswith("passive-")]
            self.assertEqual(outside, [(port, port) for port in expected])
            config = yaml.safe_load(one("ConfigMap", documents)["data"]["wharf.yaml"])
            self.assertEqual(config["server"]["passive"], {"ports": ports, "address": "ftp.example.com"})

    def test_node_ports_are_the_passive_ports(self):
        documents = manifests("--values", str(CHART / "examples/node-port.yaml"))
        ports = one("Service", documents, "wharf")["spec"]["ports"]
        self.assertEqual(ports[0]["nodePort"], 30021)
        self.assertTrue(all(p["nodePort"] == p["port"] == p["targetPort"] for p in ports[1:]))
        self.assertEqual(len(ports), 33)

    def test_secrets_are_in_secrets_alone(self):
        secrets = {
            "users[0].name": "a",
            "users[0].backend": "lake",
            "users[0].password": "marker-password",
            "users[1].name": "b@example.com",
            "users[1].backend": "lake",
            "users[1].passwordHash": "$marker-hash",
            "backends.lake.kind": "s3",
            "backends.lake.bucket": "lake",
            "backends.lake.region": "eu-west-1",
            "backends.lake.secrets.access_key_id.value": "marker-id",
            "backends.lake.secrets.secret_access_key.value": "marker-secret",
        }
        documents = manifests(*(f"--set={key}={value}" for key, value in secrets.items()))
        found = set()
        for document in documents:
            if document["kind"] == "Secret":
                found = {base64.b64decode(value).decode() for value in document["data"].values()}
            else:
                self.assertNotIn("marker-", yaml.safe_dump(document))
        self.assertEqual(found, {value for value in secrets.values() if "marker-" in value})
        with tempfile.TemporaryDirectory() as folder:
            pod = Pod(documents, folder)
            config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
            for place in (config["users"][1]["password"], config["backends"]["lake"]["secret_access_key"]):
                self.assertIn("marker-", pod.inside(place["file"]).read_text())
            self.assertTrue(config["users"][0]["plain"])
            self.assertNotIn("plain", config["users"][1])

    def test_a_secret_that_changes_begins_the_pod_anew(self):
        def stamp(password):
            documents = manifests("--set=users[0].name=a,users[0].backend=scratch", f"--set=users[0].password={password}")
            return one("StatefulSet", documents)["spec"]["template"]["metadata"]["annotations"]["checksum/secrets"]

        self.assertNotEqual(stamp("one"), stamp("two"))
        # A generated one is another each time without a cluster, and no reason.
        template.cache_clear()
        first = one("StatefulSet", manifests())
        template.cache_clear()
        self.assertEqual(first, one("StatefulSet", manifests()))

    def test_wrong_values_are_answered_with_a_sentence(self):
        for wrong, sentence in {
            "passive.ports=5-1": "passive.ports: the range 5-1 ends before it begins.",
            "passive.ports=80-90": "ports lie between 1024 and 65535",
            "passive.ports=many": "does not match pattern",
            "passive.ports=50000-59999": "a service can't have 10000 ports",
            "passive.ports=2000-2200": "ports.control: 2121 is among the ports for data connections",
            "passive.address=a b": "/passive/address",
            "replicas=3": "/replicas",
            "tls.mode=sometimes": "/tls/mode",
            "tls.mode=required": "so a certificate is needed",
            "tls.mode=required,tls.certManager.enabled=true": "issuerRef.name is missing",
            "tls.mode=required,tls.existingSecret=a,tls.certManager.enabled=true": "not both",
            "tls.mode=required,tls.certManager.enabled=true,tls.certManager.issuerRef.name=a": "dnsNames is empty",
            "ports.implicitTls=2990": "ports.implicitTls needs a certificate",
            "service.type=NodePort": "which lie between 30000 and 32767",
            "service.type=Loadbalancer": "/service/type",
            "frobnicate=1": "frobnicate",
            "backends.lake.kind=s4": "/backends/lake/kind",
            "backends.lake.kind=s3,backends.lake.secret_access_key=x": "a secret stands under backends.lake.secrets",
            "backends.lake.kind=s3,backends.lake.secrets.access_key_id.key=x": "either `value`, or `existingSecret`",
            "users[0].name=a,users[0].backend=nowhere": "there is none of that name",
            "users[0].name=a": "backend",
            "users[0].name=a,users[0].backend=scratch,users[1].name=a,users[1].backend=scratch": "two of the name a",
            "users[0].name=a,users[0].backend=scratch,users[0].password=x,users[0].passwordHash=$y": "more than one of",
            "config.users.a=1": "config.users: that is the value `users`",
        }.items():
            with self.subTest(wrong):
                ran = helm("template", "wharf", CHART, "--set", wrong, check=False)
                self.assertNotEqual(ran.returncode, 0)
                self.assertIn(sentence, ran.stderr)

    def test_notes_say_how_to_connect(self):
        for example in EACH:
            with self.about(example):
                notes = helm("install", "wharf", CHART, "--dry-run=client", *values(example)).stdout.split("NOTES:")[1]
                self.assertRegex(notes, r"curl .*ftp://")
                self.assertIn("helm -n default test wharf", notes)

    def test_readme_is_current(self):
        run(ROOT / "scripts/chart-readme", "--check")

    def test_a_generated_password_is_kept(self):
        with Cluster() as cluster:
            before = base64.b64encode(b"kept over upgrades").decode()
            cluster.secrets["wharf"] = {"user.demo": before}
            for version in HELMS:
                arguments = ["--dry-run=server", "--disable-openapi-validation", "--namespace", "ftp"]
                ran = helm("template", "wharf", CHART, *arguments, version=version, kubeconfig=cluster.kubeconfig)
                documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                self.assertEqual(one("Secret", documents)["data"], {"user.demo": before})
                cluster.secrets.clear()
                ran = helm("template", "wharf", CHART, *arguments, version=version, kubeconfig=cluster.kubeconfig)
                documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                generated = base64.b64decode(one("Secret", documents)["data"]["user.demo"])
                self.assertRegex(generated.decode(), "^[A-Za-z0-9]{24}$")
                cluster.secrets["wharf"] = {"user.demo": before}


RESOURCES = {
    "/api/v1": ["Secret", "ConfigMap", "Service", "ServiceAccount", "Pod"],
    "/apis/apps/v1": ["StatefulSet"],
}


class Cluster:
    """As much of an API server as `lookup` needs: it finds Secrets by name."""

    def __init__(self):
        self.secrets = {}
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = cluster.answer(self.path.split("?")[0])
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def answer(self, path):
        if path == "/version":
            return 200, {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            version = {"groupVersion": "apps/v1", "version": "v1"}
            group = {"name": "apps", "versions": [version], "preferredVersion": version}
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
        if path in RESOURCES:
            resources = [
                {"name": f"{kind.lower()}s", "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["get"]}
                for kind in RESOURCES[path]
            ]
            group = path.removeprefix("/apis/").removeprefix("/api/")
            return 200, {"kind": "APIResourceList", "groupVersion": group, "resources": resources}
        name = path.rsplit("/", 1)[1]
        if path.startswith("/api/v1/namespaces/ftp/secrets/") and name in self.secrets:
            metadata = {
                "name": name,
                "namespace": "ftp",
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "wharf", "meta.helm.sh/release-namespace": "ftp"},
            }
            return 200, {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": self.secrets[name]}
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        return 404, status

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.kubeconfig = pathlib.Path(self.folder.name) / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


if __name__ == "__main__":
    unittest.main()
