"""What `helm test` does with a server, as users who may do more or less; and whether the network policy lets it."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

import testpod
from support import HASH, SOON, Pod, certificate, helm, manifests, one, run, wait_until, wharf
from support import CHART


class Server:
    """Wharf with the configuration of the rendered pod, on ports of its own."""

    def __init__(self, documents, folder, given, change=lambda config: None):
        config = yaml.safe_load(Pod(documents, folder, given).configuration())
        config["server"]["listen"] = config["http"]["listen"] = ["127.0.0.1:0"]
        config["server"]["passive"] = {}
        change(config)
        path = pathlib.Path(folder) / "served.yaml"
        path.write_text(yaml.safe_dump(config))
        self.log = pathlib.Path(folder) / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([wharf(), "serve", "--config", path], stdout=log, stderr=log)
        self.health = wait_until("health is served", lambda: self.address("health and metrics over HTTP"))
        self.control = wait_until("sessions are served", lambda: self.address("listening"))

    def address(self, message):
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text())
        for line in self.log.read_text().splitlines():
            fields = json.loads(line)["fields"] if line.endswith("}") else {}
            if fields.get("message") == message:
                return fields["address"]
        return None

    def stored(self):
        """The paths that were uploaded. Ends the server: only then is its log whole."""
        self.process.terminate()
        self.process.wait(SOON)
        lines = [json.loads(line)["fields"] for line in self.log.read_text().splitlines()]
        return [fields["path"] for fields in lines if fields.get("operation") == "upload"]

    def stop(self):
        self.process.kill()
        self.process.wait(SOON)


def users(*given, **values):
    """The values of a chart with these users, all on the backend in memory."""
    return {"users": [{"backend": "scratch", **user} for user in given], **values}


class HelmTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.number = 0

    def render(self, values):
        self.number += 1
        path = self.folder / f"values-{self.number}.yaml"
        path.write_text(yaml.safe_dump(values))
        return manifests("--values", str(path))

    def serve(self, documents, given=None, change=lambda config: None):
        self.number += 1
        folder = self.folder / f"server-{self.number}"
        folder.mkdir()
        server = Server(documents, folder, given, change)
        self.addCleanup(server.stop)
        return server

    def helm_test(self, documents, server, given=None):
        self.number += 1
        folder = self.folder / f"test-{self.number}"
        folder.mkdir()
        volumes = {volume["name"]: volume for volume in testpod.test_pod(documents)["spec"]["volumes"]}
        if "password" in volumes:
            secret = volumes["password"]["secret"]
            [item] = secret["items"]
            if secret["secretName"] in (given or {}):
                password = given[secret["secretName"]][item["key"]]
            else:
                password = base64.b64decode(one("Secret", documents)["data"][item["key"]]).decode()
            (folder / item["path"]).write_text(password)
        command, environment = testpod.script(documents, folder, control=server.control, health=server.health)
        return run(*command, check=False, env={**os.environ, **environment})

    def left(self, server, user="demo", password="open sesame"):
        return run("curl", "-sS", "--user", f"{user}:{password}", f"ftp://{server.control}/").stdout

    def succeeds(self, values, given=None, change=lambda config: None):
        documents = self.render(values)
        server = self.serve(documents, given, change)
        ran = self.helm_test(documents, server, given)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout, server

    def fails(self, values, change=lambda config: None, given=None):
        documents = self.render(values)
        server = self.serve(documents, given, change)
        ran = self.helm_test(documents, server, given)
        self.assertNotEqual(ran.returncode, 0, ran.stdout)
        return ran.stderr, server

    def test_stores_fetches_and_removes(self):
        said, server = self.succeeds(users({"name": "demo", "password": "open sesame"}))
        self.assertIn("both are the same. Removed it.", said)
        self.assertEqual(self.left(server), "")
        self.assertEqual(len(server.stored()), 1)

    def test_fails_when_a_download_is_broken_and_leaves_nothing(self):
        def break_downloads(config):
            config["users"][0]["permissions"] = ["list", "upload", "delete"]

        said, server = self.fails(users({"name": "demo", "password": "open sesame"}), break_downloads)
        self.assertIn("550", said)
        self.assertEqual(self.left(server), "")
        self.assertEqual(len(server.stored()), 1)

    def test_fails_when_what_it_stored_can_not_be_removed(self):
        def break_removal(config):
            config["users"][0]["permissions"] = ["list", "upload", "download"]

        said, _ = self.fails(users({"name": "demo", "password": "open sesame"}), break_removal)
        self.assertIn("550", said)

    def test_fails_when_nobody_can_log_in(self):
        def change_the_password(config):
            config["users"][0]["password"] = "another one"

        said, _ = self.fails(users({"name": "demo", "password": "open sesame"}), change_the_password)
        self.assertIn("530", said)

    def test_does_what_the_user_may(self):
        for permissions, expected in {
            "read-only": ("Listed the root.", "Stored nothing: the user may not."),
            "upload-only": ("Listed the root.", "Stored nothing: it would stay, as the user may not remove it."),
            "download": ("Logged in.", "Stored nothing: the user may not."),
            ("upload", "delete"): ("Stored a file. Removed it.",),
            ("upload", "delete", "read-only"): ("both are the same. Removed it.",),
        }.items():
            with self.subTest(permissions):
                words = permissions if isinstance(permissions, str) else list(permissions)
                said, server = self.succeeds(users({"name": "demo", "permissions": words}))
                for sentence in expected:
                    self.assertIn(sentence, said)
                self.assertEqual(len(server.stored()), "Stored a file" in said)

    def test_takes_a_user_who_may_do_everything_unless_told_otherwise(self):
        scanner, partner = {"name": "scanner", "permissions": "upload-only"}, {"name": "partner"}
        hashed = {"name": "hashed", "passwordHash": HASH}
        for values, expected in (
            (users(scanner, hashed, partner), "partner"),
            (users(scanner, partner, test={"user": "scanner"}), "scanner"),
            (users(scanner, {"name": "reader", "permissions": "read-only"}), "scanner"),
        ):
            [container] = testpod.test_pod(self.render(values))["spec"]["containers"]
            self.assertIn({"name": "FTP_USER", "value": expected}, container["env"])

    def test_knows_the_password_of_a_hash_from_a_secret(self):
        test = {"user": "hashed", "existingSecret": {"name": "for-the-test", "key": "on"}}
        values = users({"name": "other"}, {"name": "hashed", "passwordHash": HASH}, test=test)
        said, _ = self.succeeds(values, {"for-the-test": {"on": "demo"}})
        self.assertIn("both are the same", said)

    def test_quotes_names_and_passwords(self):
        odd = {"name": "de:\"m'o", "password": 'a"b\\c:d $(exit 1) \'`'}
        said, _ = self.succeeds(users(odd))
        self.assertIn("both are the same", said)

    def test_encrypts(self):
        tls = {name: (certificate() / name).read_text() for name in ("tls.crt", "tls.key")}
        values = users({"name": "demo"}, tls={"mode": "required", "existingSecret": "tls"})
        said, _ = self.succeeds(values, {"tls": tls})
        self.assertIn("both are the same", said)
        values["tls"]["settings"] = {"client_authorities": "/etc/wharf/tls/tls.crt"}
        said, _ = self.succeeds(values, {"tls": tls})
        self.assertIn("clients need a certificate", said)

    def test_says_who_it_is_where_pods_have_to(self):
        for network in ("127.0.0.0/8", "192.0.2.0/24"):
            with self.subTest(network):
                said, _ = self.succeeds(users({"name": "demo"}, proxyProtocol={"trusted": [network]}))
                self.assertIn("both are the same", said)

    def test_a_user_whom_nobody_knows_is_refused(self):
        for values, sentence in (
            (users({"name": "demo"}, test={"user": "dmeo"}), "test.user: there is no dmeo in `users`."),
            (users({"name": "demo", "passwordHash": HASH}, test={"user": "demo"}), "nobody knows the password of demo"),
            (users({"name": "demo"}, test={"existingSecret": {"name": "a", "key": "b"}}), "whose password it is"),
            ({"existingConfigMap": {"name": "mine"}, "test": {"user": "demo"}}, "nobody knows the password of demo"),
        ):
            path = self.folder / "values.yaml"
            path.write_text(yaml.safe_dump(values))
            ran = helm("template", "wharf", CHART, "--values", path, check=False)
            self.assertNotEqual(ran.returncode, 0)
            self.assertIn(sentence, ran.stderr)


def admits(policy, labels, port):
    """Whether a policy lets a pod of its own namespace with these labels connect to a port, by its name or number."""
    for rule in policy["spec"]["ingress"]:
        ports = rule.get("ports")
        hit = not ports or any(
            port == allowed["port"] or (isinstance(port, int) and allowed["port"] <= port <= allowed["endPort"])
            for allowed in ports
            if isinstance(allowed["port"], type(port))
        )
        peers = rule.get("from")
        known = not peers or any(
            set(peer) == {"podSelector"}
            and peer["podSelector"]["matchLabels"].items() <= labels.items()
            for peer in peers
        )
        if hit and known:
            return True
    return False


class Policy(unittest.TestCase):
    def test_lets_helm_test_in_and_no_other_pod(self):
        somewhere = "[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=elsewhere"
        documents = manifests(
            *["--set", "networkPolicy.enabled=true"],
            *["--set", f"networkPolicy.clients{somewhere}", "--set", f"networkPolicy.monitoring{somewhere}"],
        )
        policy = one("NetworkPolicy", documents)
        labels = testpod.test_pod(documents)["metadata"]["labels"]
        server = one("StatefulSet", documents)["spec"]["template"]["metadata"]["labels"]
        self.assertFalse(policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items())
        self.assertLessEqual(policy["spec"]["podSelector"]["matchLabels"].items(), server.items())
        for port in ("ftp", "http", 61000, 61031):
            self.assertTrue(admits(policy, labels, port), port)
            self.assertFalse(admits(policy, {**labels, "app.kubernetes.io/instance": "other"}, port), port)
        self.assertFalse(admits(policy, labels, 61032))

    def test_lets_everybody_in_who_is_not_kept_out(self):
        documents = manifests("--set", "networkPolicy.enabled=true")
        for port in ("ftp", "http", 61000):
            self.assertTrue(admits(one("NetworkPolicy", documents), {}, port))


if __name__ == "__main__":
    unittest.main()
