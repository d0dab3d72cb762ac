"""The chart as a package, in a registry and back: what `helm install oci://…` installs."""

import base64
import hashlib
import http.server
import json
import pathlib
import re
import tarfile
import tempfile
import threading
import unittest
import urllib.parse

import yaml

from support import CHART, EXAMPLES, HELMS, ROOT, helm, manifests


class Registry(http.server.BaseHTTPRequestHandler):
    """As much of the OCI distribution specification as it takes to push and pull a chart: all blobs and manifests by digest."""

    content, tags = {}, {}

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        name = self.path.rsplit("/", 1)[1]
        digest = name if name in self.content else self.tags.get(name)
        if self.path == "/v2/":
            self.answer(200)
        elif digest in self.content:
            kind, body = self.content[digest]
            self.answer(200, body, Content_Type=kind, Docker_Content_Digest=digest)
        else:
            self.answer(404, b'{"errors": []}', Content_Type="application/json")

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(202, Location=f"{self.path}upload", Docker_Upload_UUID="1")

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.content[digest] = (self.headers["Content-Type"], body)
        place = urllib.parse.urlsplit(self.path)
        if "/manifests/" in place.path:
            self.tags[place.path.rsplit("/", 1)[1]] = digest
        self.answer(201, Location=place.path, Docker_Content_Digest=digest)

    def log_message(self, *_):
        pass


class Package(unittest.TestCase):
    def test_is_what_a_registry_gives_back(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        charts = f"oci://127.0.0.1:{server.server_port}/charts"
        # `helm package`, `helm push`, `helm template`: as the README says them.
        readme = (CHART / "README.md").read_text()
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
        for command in ("package deploy/helm/wharf", f"push wharf-{version}.tgz oci://", "install wharf oci://"):
            self.assertIn(f"\nhelm {command}", readme)
        helm("package", CHART, "--destination", folder)
        archive = folder / f"wharf-{version}.tgz"
        with tarfile.open(archive) as packed:
            names = {name.removeprefix("wharf/") for name in packed.getnames()}
        self.assertLessEqual({"README.md", "values.schema.json", "files/dashboard.json", "templates/check/your/values.yaml"}, names)
        # README and notes send readers to them, who may have no more than the package.
        self.assertLessEqual({f"examples/{example.name}" for example in EXAMPLES}, names)
        helm("push", archive, charts, "--plain-http", cwd=folder)
        example = next(example for example in EXAMPLES if example.stem == "node-port")
        expected = [document for document in manifests("--values", str(example)) if document["kind"] != "Secret"]
        for helm_version in HELMS:
            arguments = ["--version", version, "--plain-http", "--namespace", "ftp", "--values", example]
            ran = helm("template", "wharf", f"{charts}/wharf", *arguments, version=helm_version, cwd=folder)
            documents = [document for document in yaml.safe_load_all(ran.stdout) if document and document["kind"] != "Secret"]
            key = lambda document: (document["kind"], document["metadata"]["name"])
            self.assertEqual(sorted(documents, key=key), sorted(expected, key=key))
        # What a registry shows of the chart without unpacking it.
        manifest = json.loads(Registry.content[Registry.tags[version]][1])
        self.assertEqual(manifest["annotations"]["org.opencontainers.image.title"], "wharf")
        self.assertEqual(manifest["annotations"]["org.opencontainers.image.version"], version)

    def test_says_what_it_is(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        for key in ("description", "kubeVersion", "keywords", "maintainers", "icon"):
            self.assertTrue(chart[key], key)
        oldest = re.search(r"on Kubernetes ([0-9.]+) or newer", (CHART / "README.md").read_text())[1]
        self.assertEqual(chart["kubeVersion"], f">={oldest}.0-0")
        picture = (ROOT / "src/ops/http/page/icon.svg").read_bytes()
        self.assertEqual(base64.b64decode(chart["icon"].removeprefix("data:image/svg+xml;base64,")), picture)
        annotations = chart["annotations"]
        licence = re.search(r'^license = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual(annotations["artifacthub.io/license"], licence)
        images = {image["name"]: image["image"] for image in yaml.safe_load(annotations["artifacthub.io/images"])}
        server = f"{values['image']['repository']}:{chart['appVersion']}"
        collector = values["usersFrom"]["sidecar"]["image"]
        self.assertEqual(images, {"wharf": server, "test": values["test"]["image"], "users": collector})
        for change in yaml.safe_load(annotations["artifacthub.io/changes"]):
            self.assertIn(change["kind"], {"added", "changed", "deprecated", "removed", "fixed", "security"})
            self.assertTrue(change["description"])


if __name__ == "__main__":
    unittest.main()
