"""As much of a cluster as Helm asks for while it renders."""

import http.server
import json
import pathlib
import tempfile
import threading

import yaml

RESOURCES = {
    "/api/v1": ["Secret", "ConfigMap", "Service", "ServiceAccount", "Pod"],
    "/apis/apps/v1": ["StatefulSet"],
    "/apis/autoscaling/v2": ["HorizontalPodAutoscaler"],
    "/apis/networking.k8s.io/v1": ["NetworkPolicy"],
    "/apis/policy/v1": ["PodDisruptionBudget"],
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
            groups = []
            for place in RESOURCES:
                if place.startswith("/apis/"):
                    name, number = place.removeprefix("/apis/").split("/")
                    version = {"groupVersion": f"{name}/{number}", "version": number}
                    groups.append({"name": name, "versions": [version], "preferredVersion": version})
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
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
