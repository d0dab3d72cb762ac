"""What the tests of deploy/ share: Helm, rendered manifests, and what a rendered pod looks like to a process."""

import base64
import functools
import os
import pathlib
import re
import subprocess
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".test-tools"
CHART = ROOT / "deploy/helm/wharf"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
HELMS = [TOOLS / "helm/helm4", TOOLS / "helm/helm3"]
# How long anything may take that should happen soon; the machine may be busy.
SOON = 60

# What begins with a name and ends as a sentence, under the name of the one template that refuses values.
SENTENCE = re.compile(r"execution error at \(wharf/templates/check/your/values\.yaml:[^)]*\): ([a-zA-Z][^\n]*[.?])$", re.M)

HASH = "$argon2id$v=19$m=19456,t=2,p=1$H7FvgBsf0jKudBg7KefUcg$iBk1lOsKRJ/P/qoCorMGHO+wdjap/LYKmKA4WjnYRkk"


def run(*command, check=True, **options):
    """Runs a program to its end; its output is shown if it fails."""
    command = [str(word) for word in command]
    options.setdefault("timeout", 600)
    options.setdefault("cwd", ROOT)
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if check and ran.returncode != 0:
        raise AssertionError(f"{' '.join(command)} exits with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran


def helm(*arguments, version=HELMS[0], check=True, kubeconfig="/nonexistent", **options):
    # It ends before collecting garbage would be worth the time.
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HELM_CACHE_HOME": tempfile.gettempdir(), "GOGC": "off"}
    return run(version, *arguments, check=check, env=environment, **options)


@functools.cache
def template(*arguments, version=HELMS[0]):
    """What the chart becomes: text."""
    kinds = ["--api-versions", "monitoring.coreos.com/v1"]
    return helm("template", "wharf", CHART, "--namespace", "ftp", *kinds, *arguments, version=version).stdout


def refused(wrong, version=HELMS[0]):
    """What Helm says of values that the chart refuses."""
    ran = helm("template", "wharf", CHART, "--namespace", "ftp", "--set", wrong, check=False, version=version)
    if ran.returncode == 0:
        raise AssertionError(f"{wrong} is taken")
    return ran.stderr


def values_file(folder, values, name="values.yaml"):
    """The options that give these values."""
    path = pathlib.Path(folder) / name
    path.write_text(yaml.safe_dump(values))
    return "--values", str(path)


def manifests(*arguments, **options):
    return [manifest for manifest in yaml.safe_load_all(template(*arguments, **options)) if manifest]


def one(kind, documents, suffix=""):
    found = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].endswith(suffix)]
    if not found:
        raise AssertionError(f"there is no {kind} {suffix}")
    return found[0]


def wharf():
    """The program that `make test` has built."""
    program = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/wharf"
    if not program.exists():
        raise AssertionError(f"{program} is missing: cargo build")
    return program


@functools.cache
def certificate():
    """The folder of tls.crt and tls.key, for localhost and example names; it signs itself."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wharf-certificate-"))
    run(
        *["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "7"],
        *["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        *["-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
    )
    return folder


class Pod:
    """A pod's container as folders and arguments: what the kubelet would make of the manifests.

    `given` are Secrets and ConfigMaps that the manifests name and somebody else makes: name to { key: text }.
    """

    def __init__(self, documents, folder, given=None):
        self.documents = documents
        self.folder = pathlib.Path(folder)
        self.given = given or {}
        self.pod = one("StatefulSet", documents)["spec"]["template"]["spec"]
        [self.container] = [container for container in self.pod["containers"] if container["name"] == "wharf"]
        self.mounts, self.temporary = {}, {}
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        statefulset = one("StatefulSet", documents)["spec"]
        claims = {claim["metadata"]["name"] for claim in statefulset.get("volumeClaimTemplates", [])}
        for mount in self.container["volumeMounts"]:
            volume = volumes.get(mount["name"])
            if volume is None:
                if mount["name"] not in claims:
                    raise AssertionError(f"nothing makes the volume {mount['name']}")
                volume = {"claim": True}
            self.mounts[mount["mountPath"]] = self.make(mount, volume)

    def make(self, mount, volume):
        place = self.folder / mount["name"] / mount.get("subPath", "")
        place.mkdir(parents=True, exist_ok="subPath" in mount)
        if "emptyDir" in volume:
            self.temporary[mount["mountPath"]] = volume["emptyDir"]["sizeLimit"]
        elif "configMap" in volume:
            self.fill(place, self.content("ConfigMap", volume["configMap"]["name"]))
        elif "secret" in volume:
            self.fill(place, self.content("Secret", volume["secret"]["secretName"]))
        elif "projected" in volume:
            for source in volume["projected"]["sources"]:
                content = self.content("Secret", source["secret"]["name"])
                if "items" in source["secret"]:
                    content = {item["path"]: content[item["key"]] for item in source["secret"]["items"]}
                self.fill(place, content)
        return place

    def content(self, kind, name):
        for document in self.documents:
            if document["kind"] == kind and document["metadata"]["name"] == name:
                data = document["data"]
                if kind == "Secret":
                    data = {key: base64.b64decode(value).decode() for key, value in data.items()}
                return data
        if name not in self.given:
            raise AssertionError(f"nothing makes the {kind} {name}")
        return self.given[name]

    @staticmethod
    def fill(place, content):
        for key, text in content.items():
            (place / key).write_text(text)

    def configuration(self):
        """The configuration that the pod begins with, its paths moved into our folders."""
        arguments = self.container["args"]
        text = self.inside(arguments[arguments.index("--config") + 1]).read_text()
        places = "|".join(map(re.escape, self.mounts))
        return re.sub(rf" ({places})(?=[/\s])", lambda found: f" {self.mounts[found[1]]}", text)

    def check(self, check=True):
        """`wharf check` of it."""
        moved = self.folder / "moved.yaml"
        moved.write_text(self.configuration())
        environment = dict(os.environ)
        for variable in self.container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            environment[variable["name"]] = (
                self.content("Secret", reference["name"])[reference["key"]] if reference else variable["value"]
            )
        return run(wharf(), "check", "--config", moved, env=environment, check=check)

    def inside(self, path):
        for mount, place in self.mounts.items():
            if path.startswith(mount + "/"):
                return place / path[len(mount) + 1 :]
        raise AssertionError(f"{path} is in no volume")


def wait_until(what, happened, within=SOON):
    """Polls for what nothing tells of; what `happened` returns at last."""
    deadline = time.monotonic() + within
    while True:
        found = happened()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"it never happened: {what}")
        time.sleep(0.1)
