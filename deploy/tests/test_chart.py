"""The Helm chart: what it becomes, whether Kubernetes takes it, and whether Wharf takes the configuration in it."""

import base64
import json
import pathlib
import re
import tempfile
import unittest

import yaml

from cluster import Cluster
from support import CHART, EXAMPLES, HASH, HELMS, ROOT, TOOLS, Pod, certificate, helm, manifests, one, run, template

# Kinds that Kubernetes itself doesn't have.
FOREIGN = {"BackendTrafficPolicy", "Certificate", "Gateway", "PodMonitor", "PrometheusRule", "ServiceMonitor", "TCPRoute"}

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
    "users-from-secrets": {
        ("CKV_K8S_8", "StatefulSet"): "the container that collects users has an older image's settings, which know no probes",
        ("CKV_K8S_9", "StatefulSet"): "the server is ready without the container that collects users",
        ("CKV_K8S_15", "StatefulSet"): "the image that collects users has a version; nodes without a registry have to be able to run it",
        ("CKV_K8S_43", "StatefulSet"): "the image that collects users is a value",
        ("CKV2_K8S_5", "RoleBinding"): "Kubernetes can't grant access by label: told in the README",
    },
    "openshift": {
        ("CKV_K8S_40", "StatefulSet"): "the namespace has users of its own, whose numbers are high",
        ("CKV_K8S_40", "Pod"): "the namespace has users of its own, whose numbers are high",
    },
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
        "ftp-users": {"partner": HASH, "demo": HASH, "erp": HASH},
        "ftp-certificate": tls,
        "wharf-tls": tls,
        "lake": {"id": "wharf", "secret": "secret"},
        "wharf-configuration": {"wharf.yaml": OWN_CONFIGURATION},
        "wharf-hook": {"secret": "whsec_b25seS1mb3ItYS10cnktb25seS1mb3ItYS10cnk="},
        "ftp-users-of-ours": {"anna.yaml": f"{{ name: anna, password: {HASH!r}, backend: scratch }}"},
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
            [package] = pathlib.Path(folder).iterdir()
            self.assertEqual(package.name, f"wharf-{yaml.safe_load((CHART / 'Chart.yaml').read_text())['version']}.tgz")

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
        for version in ("1.27", "1.37"):
            with tempfile.TemporaryDirectory() as folder:
                paths = []
                for example in EACH:
                    path = pathlib.Path(folder) / f"{example.stem if example else 'as-it-is'}.yaml"
                    path.write_text(template(f"--kube-version={version}", *values(example)))
                    paths.append(path)
                # One call: it takes longer to begin than to look.
                ran = run(TOOLS / "deploy/bin/kubernetes-validate", "--strict", "-k", version, *paths)
                output = ran.stdout + ran.stderr
                unknown = set(re.findall(r"find schema for kind (\w+)", output))
                self.assertLessEqual(unknown, FOREIGN, output)
                self.assertNotIn("ERROR", output)

    def test_wharf_takes_the_configuration(self):
        for example in EACH:
            with self.about(example):
                with tempfile.TemporaryDirectory() as folder:
                    ran = Pod(manifests(*values(example)), folder, given()).check()
                    warnings = [line for line in ran.stderr.splitlines() if line.startswith("warning: ")]
                    # The pod's volumes are nobody else's, and what has no TLS is told in the notes.
                    expected = ("can read ", "without `tls`, ", "`tls.mode: required` is safer", "with `plain: true` ", "has no number at its end")
                    others = [line for line in warnings if not any(part in line for part in expected)]
                    self.assertEqual(others, [])

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
                    for key in ("hostPID", "hostIPC", "ephemeralContainers"):
                        self.assertNotIn(key, pod)
                    self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    for volume in pod["volumes"]:
                        self.assertLessEqual(
                            set(volume) - {"name"}, {"configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"}
                        )
                    for container in [*pod["containers"], *pod.get("initContainers", [])]:
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

    def test_several_replicas_have_ports_a_secret_and_a_way_to_each_other(self):
        documents = manifests("--values", str(CHART / "examples/three-replicas.yaml"))
        [secret] = [d for d in documents if d["kind"] == "Secret" and "cluster.secret" in d["data"]]
        self.assertRegex(base64.b64decode(secret["data"]["cluster.secret"]).decode(), "^[A-Za-z0-9]{48}$")
        cluster = yaml.safe_load(one("ConfigMap", documents)["data"]["wharf.yaml"])["cluster"]
        self.assertNotIn("sessions", cluster)
        self.assertEqual(cluster["replicas"], "wharf-{i}.wharf-pods")
        self.assertEqual(cluster["secret"], {"file": "/run/wharf/secrets/cluster.secret"})
        stateful = one("StatefulSet", documents)["spec"]
        self.assertNotIn("replicas", stateful, "the autoscaler's")
        self.assertEqual((stateful["serviceName"], stateful["podManagementPolicy"]), ("wharf-pods", "Parallel"))
        pod = stateful["template"]["spec"]
        [container] = pod["containers"]
        self.assertIn({"name": "relay", "containerPort": 2122}, container["ports"])
        self.assertEqual(pod["topologySpreadConstraints"][0]["whenUnsatisfiable"], "ScheduleAnyway")
        self.assertGreater(pod["terminationGracePeriodSeconds"], 35)
        scaler = one("HorizontalPodAutoscaler", documents)["spec"]
        self.assertEqual((scaler["minReplicas"], scaler["maxReplicas"]), (3, 6))
        one("PodDisruptionBudget", documents)
        own = {"podSelector": {"matchLabels": stateful["selector"]["matchLabels"]}}
        [rule] = [r for r in one("NetworkPolicy", documents)["spec"]["ingress"] if r["ports"] == [{"port": "relay"}]]
        self.assertEqual(rule["from"], [own], "nobody else")
        self.assertNotIn("relay", [port["name"] for port in one("Service", documents, "wharf")["spec"]["ports"]])
        self.assertIn("relay", [port["name"] for port in one("Service", documents, "wharf-pods")["spec"]["ports"]])

    def test_one_replica_has_nothing_of_several(self):
        text = template("--set=replicas=1")
        for word in ("relay", "cluster:", "cluster.secret", "PodDisruptionBudget", "topologySpread"):
            self.assertNotIn(word, text)

    def test_replicas_have_a_limit_together(self):
        documents = manifests("--values", str(CHART / "examples/three-replicas.yaml"), "--set=cluster.sessions=20000")
        cluster = yaml.safe_load(one("ConfigMap", documents)["data"]["wharf.yaml"])["cluster"]
        self.assertEqual(cluster["sessions"], 20000)

    def test_the_secret_of_replicas_may_be_somebody_elses(self):
        options = ["--set=autoscaling.enabled=false,replicas=3,cluster.existingSecret.name=ours,cluster.existingSecret.key=k"]
        documents = manifests("--values", str(CHART / "examples/three-replicas.yaml"), *options)
        self.assertEqual(one("StatefulSet", documents)["spec"]["replicas"], 3)
        self.assertNotIn("cluster.secret", one("Secret", documents)["data"])
        volumes = one("StatefulSet", documents)["spec"]["template"]["spec"]["volumes"]
        [secrets] = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "secrets"]
        item = {"name": "ours", "items": [{"key": "k", "path": "cluster.secret"}]}
        self.assertIn({"secret": item}, secrets)

    def test_the_secret_of_replicas_is_replaced_without_a_gap(self):
        steps = [("old", ["new"]), ("new", ["old"]), ("new", [])]
        for key, more in steps:
            with self.subTest(key=key, more=more):
                values = {"name": "ours", "key": key, "moreKeys": more}
                options = ["--set=autoscaling.enabled=false,replicas=3", f"--set-json=cluster.existingSecret={json.dumps(values)}"]
                documents = manifests("--values", str(CHART / "examples/three-replicas.yaml"), *options)
                cluster = yaml.safe_load(one("ConfigMap", documents)["data"]["wharf.yaml"])["cluster"]
                folder = "/run/wharf/secrets/"
                expected = [{"file": f"{folder}cluster.secret.{also}"} for also in more]
                self.assertEqual((cluster["secret"], cluster.get("more_secrets", [])), ({"file": f"{folder}cluster.secret"}, expected))
                volumes = one("StatefulSet", documents)["spec"]["template"]["spec"]["volumes"]
                [secrets] = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "secrets"]
                items = [{"key": key, "path": "cluster.secret"}, *({"key": also, "path": f"cluster.secret.{also}"} for also in more)]
                self.assertIn({"secret": {"name": "ours", "items": items}}, secrets)

    def test_the_secret_of_replicas_is_kept(self):
        with Cluster() as cluster:
            before = base64.b64encode(b"known to all replicas since the first day").decode()
            cluster.secrets["wharf"] = {"cluster.secret": before}
            for version in HELMS:
                arguments = ["--dry-run=server", "--disable-openapi-validation", "--namespace", "ftp"]
                arguments += ["--values", CHART / "examples/three-replicas.yaml", "--set=tls.mode=off,tls.certManager.enabled=false"]
                for also in ([], ["--set=autoscaling.enabled=false,replicas=1"]):
                    with self.subTest(version=version.name, also=also):
                        rendered = ["template", "wharf", CHART, *arguments, *also]
                        ran = helm(*rendered, version=version, kubeconfig=cluster.kubeconfig)
                        documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                        self.assertEqual(one("Secret", documents)["data"]["cluster.secret"], before)

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

    def test_a_user_comes_from_where_and_until_when_the_values_say(self):
        with tempfile.TemporaryDirectory() as folder:
            values = pathlib.Path(folder) / "values.yaml"
            # A date without quotes is a time to some readers of YAML.
            values.write_text("users: [{ name: a, backend: scratch, networks: [192.0.2.0/24], expires: 2099-01-01 }]")
            pod = Pod(manifests("--values", str(values)), folder)
            config = pod.inside("/etc/wharf/config/wharf.yaml")
            user = yaml.load(config.read_text(), Loader=yaml.BaseLoader)["users"][0]
            self.assertEqual(user["networks"], ["192.0.2.0/24"])
            self.assertEqual(user["expires"], "2099-01-01")

    def test_who_logs_in_by_a_certificate_needs_no_password(self):
        with tempfile.TemporaryDirectory() as folder:
            values = pathlib.Path(folder) / "values.yaml"
            subject = "certificate: { subject: CN=a }, backend: scratch"
            values.write_text(
                f"""users:
  - {{ name: alone, {subject} }}
  - {{ name: said, {subject}, login: certificate, password: unused }}
  - {{ name: beside, {subject}, password: given }}
  - {{ name: both, {subject}, login: both }}
  - {{ name: other, backend: scratch }}
"""
            )
            documents = manifests("--values", str(values))
            pod = Pod(documents, folder)
            users = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())["users"]
            self.assertEqual([user["name"] for user in users if "password" in user], ["beside", "both", "other"])
            self.assertEqual(users[0], {"name": "alone", "certificate": {"subject": "CN=a"}, "backend": "scratch"})
            keys = {"user.beside", "generated.both", "generated.other"}
            self.assertEqual(set(one("Secret", documents)["data"]), keys)
            self.assertNotIn("unused", yaml.safe_dump_all(documents))

    def test_users_come_from_files_and_guessers_are_locked_out_as_the_readme_says(self):
        readme = (CHART / "README.md").read_text()
        values = re.search(r"## Other sources of users.*?```yaml\n(.*?)```", readme, re.S)[1]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "values.yaml"
            path.write_text(values)
            user = lambda backend: {"anna.yaml": f"{{ name: anna, password: {HASH!r}, backend: {backend} }}"}
            documents = manifests("--values", str(path))
            for given, is_good in ((user("scratch"), True), (user("nowhere"), False)):
                with tempfile.TemporaryDirectory() as inside:
                    pod = Pod(documents, inside, {"ftp-users": given})
                    config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
                    self.assertEqual(config["lockout"], yaml.safe_load(values)["config"]["lockout"])
                    self.assertEqual(config["server"]["control"], "/tmp/control.sock")
                    checked = pod.check(check=False)
                    self.assertEqual(checked.returncode == 0, is_good, checked.stderr)
                    self.assertEqual("anna.yaml:1:" in checked.stderr, not is_good, checked.stderr)

    def test_users_are_collected_by_a_container_that_may_do_no_more(self):
        [example] = [example for example in EXAMPLES if example.stem == "users-from-secrets"]
        for resource, readable in (("secret", ["secrets"]), ("configmap", ["configmaps"]), ("both", ["secrets", "configmaps"])):
            documents = manifests("--values", str(example), f"--set=usersFrom.sidecar.resource={resource}")
            [rule] = one("Role", documents)["rules"]
            self.assertEqual(rule, {"apiGroups": [""], "resources": readable, "verbs": ["get", "list", "watch"]})
            [subject] = one("RoleBinding", documents)["subjects"]
            pod = one("StatefulSet", documents)["spec"]["template"]["spec"]
            self.assertEqual(subject["name"], pod["serviceAccountName"])
            self.assertEqual(one("RoleBinding", documents)["roleRef"]["name"], one("Role", documents)["metadata"]["name"])
        server, collector = pod["containers"]
        [first] = pod["initContainers"]
        methods = [next(v["value"] for v in each["env"] if v["name"] == "METHOD") for each in (first, collector)]
        self.assertEqual(methods, ["LIST", "SLEEP"])
        # The server can neither ask the cluster nor change a file of users.
        mounts = {mount["name"]: mount for mount in server["volumeMounts"]}
        self.assertNotIn("users-token", mounts)
        self.assertIs(mounts["users-collected"]["readOnly"], True)
        with tempfile.TemporaryDirectory() as inside:
            pod = Pod(documents, inside, given())
            config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
            places = [source["directory"] for source in config["users_from"]]
            self.assertEqual(places, ["/run/wharf/users/secret", "/run/wharf/users/collected"])
            # As the container names what it finds.
            (pod.mounts["/run/wharf/users/collected"] / "namespace_default.secret_ftp-anna.bert.yaml").write_text("{ name: bert, backend: nowhere }")
            checked = pod.check(check=False)
            self.assertNotEqual(checked.returncode, 0)
            self.assertIn("bert.yaml:1:", checked.stderr)
            self.assertNotIn("anna.yaml:1:", checked.stderr)

    def test_a_secret_that_changes_begins_the_pod_anew(self):
        def stamps(secret, password="one", user="a", greeting="hello"):
            lake = "backends.lake"
            documents = manifests(
                f"--set={lake}.kind=s3,{lake}.bucket=lake,{lake}.region=eu-west-1",
                f"--set={lake}.secrets.access_key_id.value=id,{lake}.secrets.secret_access_key.value={secret}",
                f"--set=users[0].name={user},users[0].backend=lake,users[0].password={password}",
                f"--set=config.server.greeting={greeting}",
            )
            return one("StatefulSet", documents)["spec"]["template"]["metadata"]["annotations"]

        self.assertNotEqual(stamps("one"), stamps("two"))
        self.assertNotEqual(stamps("one"), stamps("one", greeting="bye"))
        # Users are read again while the server runs.
        self.assertEqual(stamps("one"), stamps("one", password="two"))
        self.assertEqual(stamps("one"), stamps("one", user="b"))
        # A generated one is another each time without a cluster, and no reason.
        template.cache_clear()
        first = one("StatefulSet", manifests())
        template.cache_clear()
        self.assertEqual(first, one("StatefulSet", manifests()))

    def test_notes_say_how_to_connect(self):
        for example in EACH:
            with self.about(example):
                notes = helm("install", "wharf", CHART, "--dry-run=client", *values(example)).stdout.split("NOTES:")[1]
                self.assertRegex(notes, r"curl .*ftp://")
                self.assertIn("helm -n default test wharf", notes)
                self.assertIn("helm -n default upgrade wharf oci://", notes)
                named = {"gateway-api": "Through the Gateway ftp,", "internal-and-external": "  wharf-internal "}
                self.assertIn(named.get(example.stem if example else "", ""), notes)

    def test_notes_name_an_address_that_the_certificate_has(self):
        def notes(*arguments):
            return helm("install", "wharf", CHART, "--dry-run=client", *arguments).stdout.split("NOTES:")[1]

        balanced = "--set=service.type=LoadBalancer,tls.mode=required,ports.implicitTls=2990"
        said = notes(balanced, "--set=tls.existingSecret=a,passive.address=ftp.example.com")
        self.assertIn("curl --ssl-reqd --user USER ftp://ftp.example.com:21/", said)
        self.assertIn("curl --user USER ftps://ftp.example.com:990/", said)
        said = notes(balanced, "--set=tls.existingSecret=a")
        self.assertIn("ftp://NAME-IN-THE-CERTIFICATE:21/", said)
        manager = "--set=tls.certManager.enabled=true,tls.certManager.issuerRef.name=a,tls.certManager.dnsNames[0]=a.example.com"
        self.assertIn("ftp://a.example.com:21/", notes(balanced, manager))
        self.assertIn("There is no TLS", notes())
        own = notes("--set=existingConfigMap.name=mine,namespaceOverride=elsewhere")
        self.assertNotIn("There is no TLS", own)
        self.assertIn("kubectl -n elsewhere rollout restart statefulset/wharf", own)
        self.assertIn("helm -n default test wharf", own, "where Helm keeps the release")

    def test_health_on_the_network_of_the_node_can_be_for_the_node_alone(self):
        def probes(*arguments):
            [container] = one("StatefulSet", manifests("--set=hostNetwork=true", *arguments))["spec"]["template"]["spec"]["containers"]
            return [container[f"{kind}Probe"]["httpGet"].get("host") for kind in ("startup", "liveness", "readiness")]

        def config(*arguments):
            return yaml.safe_load(one("ConfigMap", manifests("--set=hostNetwork=true", *arguments))["data"]["wharf.yaml"])

        self.assertEqual(probes(), [None] * 3)
        local = "--set=httpListenAddress=127.0.0.1"
        self.assertEqual(probes(local), ["127.0.0.1"] * 3)
        self.assertEqual(config(local)["http"], {"listen": ["127.0.0.1:9121"]})
        self.assertEqual(config(local)["server"]["listen"], ["0.0.0.0:2121"])
        self.assertEqual(probes("--set=httpListenAddress=[::1]"), ["::1"] * 3)
        notes = lambda *arguments: helm("install", "wharf", CHART, "--dry-run=client", "--set=hostNetwork=true", *arguments).stdout
        self.assertIn("Health and metrics are on the node's addresses too, on port 9121", notes())
        self.assertNotIn("Health and metrics are on the node's addresses", notes(local))
        # In a network of its own the pod has an address that nobody knows beforehand.
        [container] = one("StatefulSet", manifests("--set=listenAddress=10.0.0.7"))["spec"]["template"]["spec"]["containers"]
        self.assertNotIn("host", container["readinessProbe"]["httpGet"])
        # Nobody but the node gets there.
        [test] = one("Pod", manifests("--set=hostNetwork=true", local))["spec"]["containers"]
        self.assertNotIn("readyz", test["args"][0])

    def test_a_certificate_may_come_by_a_volume(self):
        values = {
            "tls": {"mode": "required", "settings": {"certificate": "/run/own/tls.crt", "key": "/run/own/tls.key"}},
            "extraVolumes": [{"name": "own", "secret": {"secretName": "ftp-certificate"}}],
            "extraVolumeMounts": [{"name": "own", "mountPath": "/run/own", "readOnly": True}],
        }
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "values.yaml"
            path.write_text(yaml.safe_dump(values))
            pod = Pod(manifests("--values", str(path)), folder, given())
            config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
            self.assertEqual(config["tls"], {"mode": "required", **values["tls"]["settings"]})
            self.assertNotIn("/etc/wharf/tls", pod.mounts)
            pod.check()

    def test_hosts_have_certificates_that_come_by_volumes(self):
        item = {"hosts": ["ftp.partner.example"], "certificate": "/run/own/tls.crt", "key": "/run/own/tls.key"}
        values = {
            "tls": {"mode": "required", "existingSecret": "wharf-tls", "settings": {"certificates": [item]}},
            "extraVolumes": [{"name": "own", "secret": {"secretName": "ftp-certificate"}}],
            "extraVolumeMounts": [{"name": "own", "mountPath": "/run/own", "readOnly": True}],
        }
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "values.yaml"
            path.write_text(yaml.safe_dump(values))
            pod = Pod(manifests("--values", str(path)), folder, given())
            config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
            self.assertEqual(config["tls"]["certificates"], [item])
            pod.check()

    def test_addresses_in_certificates_are_no_names(self):
        manager = "--set=tls.mode=required,tls.certManager.enabled=true,tls.certManager.issuerRef.name=a"

        def names(*arguments):
            spec = one("Certificate", manifests(manager, *arguments))["spec"]
            return spec.get("dnsNames"), spec.get("ipAddresses")

        self.assertEqual(names("--set=passive.address=192.0.2.7"), (None, ["192.0.2.7"]))
        self.assertEqual(names("--set=passive.address=ftp.example.com"), (["ftp.example.com"], None))
        mixed = "--set=tls.certManager.dnsNames={ftp.example.com,192.0.2.7,2001:db8::1}"
        self.assertEqual(names(mixed), (["ftp.example.com"], ["192.0.2.7", "2001:db8::1"]))

    def test_balancers_are_not_asked_for_what_some_refuse(self):
        self.assertEqual(one("Service", manifests(), "wharf")["spec"]["sessionAffinity"], "None")

    def test_checks_of_balancers_ask_whether_the_server_is_ready(self):
        """A passive port answers only while somebody is waited for there."""
        documents = manifests("--values", str(CHART / "examples/s3-aws.yaml"))
        annotations = one("Service", documents, "wharf")["metadata"]["annotations"]
        prefix = "service.beta.kubernetes.io/aws-load-balancer-healthcheck-"
        check = {key.removeprefix(prefix): value for key, value in annotations.items() if key.startswith(prefix)}
        [container] = one("StatefulSet", documents)["spec"]["template"]["spec"]["containers"]
        [http] = [port["containerPort"] for port in container["ports"] if port["name"] == "http"]
        self.assertEqual(check, {"protocol": "http", "port": str(http), "path": container["readinessProbe"]["httpGet"]["path"]})

    def test_rules_and_dashboard_are_those_of_the_files(self):
        self.assertFalse({"PrometheusRule"} & {document["kind"] for document in manifests()})
        files = {name: yaml.safe_load((CHART / f"files/{name}.yaml").read_text())["groups"] for name in ("alerts", "recording")}
        for values, groups in (
            ("prometheusRule.enabled=true", files["alerts"] + files["recording"]),
            ("prometheusRule.enabled=true,prometheusRule.records=false", files["alerts"]),
            ("prometheusRule.enabled=true,prometheusRule.alerts=false", files["recording"]),
        ):
            rule = one("PrometheusRule", manifests(f"--set={values},prometheusRule.labels.release=kube"))
            self.assertEqual(rule["spec"]["groups"], groups)
            self.assertEqual(rule["metadata"]["labels"]["release"], "kube")
        made = manifests("--set=dashboard.enabled=true,dashboard.namespace=grafana,dashboard.annotations.grafana_folder=Files")
        shown = one("ConfigMap", made, "-dashboard")
        self.assertEqual((shown["metadata"]["namespace"], shown["metadata"]["labels"]["grafana_dashboard"]), ("grafana", "1"))
        # Another namespace may have a release of the same name.
        names = set()
        for namespace in ("one", "two"):
            made = manifests("--set=dashboard.enabled=true,dashboard.namespace=grafana", f"--namespace={namespace}")
            names.add(one("ConfigMap", made, "-dashboard")["metadata"]["name"])
        self.assertEqual(len(names), 2)
        self.assertEqual(shown["metadata"]["annotations"], {"grafana_folder": "Files"})
        self.assertEqual(json.loads(shown["data"]["wharf.json"]), json.loads((CHART / "files/dashboard.json").read_text()))

    def test_dashboard_is_current(self):
        run(ROOT / "scripts/dashboard", "--check")

    def test_readme_is_current(self):
        run(ROOT / "scripts/chart-readme", "--check")

    def test_readme_shows_what_is_possible(self):
        readme = (CHART / "README.md").read_text()
        commands = re.findall(r"^helm (\w+) (.*)$", readme, re.M)
        self.assertIn(("upgrade", "wharf deploy/helm/wharf --reset-then-reuse-values"), commands)
        for command, rest in commands:
            for version in HELMS:
                known = helm(command, "--help", version=version).stdout
                for option in re.findall(r"--[-a-z]+", rest):
                    self.assertRegex(known, rf"{option}\s")
        examples = re.findall(r"^```yaml\n(.*?)^```$", readme, re.M | re.S)
        self.assertTrue(examples)
        with tempfile.TemporaryDirectory() as folder:
            rendered = []
            for number, example in enumerate(examples):
                path = pathlib.Path(folder) / f"values-{number}.yaml"
                path.write_text(example)
                rendered.append(pathlib.Path(folder) / f"all-{number}.yaml")
                rendered[-1].write_text(template("--values", str(path)))
            run(TOOLS / "deploy/bin/kubernetes-validate", "--strict", "-k", "1.30", *rendered)

    def test_a_generated_password_is_kept(self):
        with Cluster() as cluster:
            before = base64.b64encode(b"kept over upgrades").decode()
            cluster.secrets["wharf"] = {"generated.demo": before}
            for version in HELMS:
                arguments = ["--dry-run=server", "--disable-openapi-validation", "--namespace", "ftp"]
                ran = helm("template", "wharf", CHART, *arguments, version=version, kubeconfig=cluster.kubeconfig)
                documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                self.assertEqual(one("Secret", documents)["data"], {"generated.demo": before})
                cluster.secrets.clear()
                ran = helm("template", "wharf", CHART, *arguments, version=version, kubeconfig=cluster.kubeconfig)
                documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                generated = base64.b64decode(one("Secret", documents)["data"]["generated.demo"])
                self.assertRegex(generated.decode(), "^[A-Za-z0-9]{24}$")
                cluster.secrets["wharf"] = {"generated.demo": before}


if __name__ == "__main__":
    unittest.main()
