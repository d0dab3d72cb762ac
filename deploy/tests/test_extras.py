"""What people add to the pod, to its services and beside the chart: where each value ends."""

import pathlib
import re
import socket
import tempfile
import unittest

import yaml

from support import CHART, HASH, HELMS, TOOLS, helm, manifests, one, run, template, values_file
from test_helm_test import Server

# Each of these has a mark that is found again.
POD = {
    "nameOverride": "ftp",
    "namespaceOverride": "elsewhere",
    "commonLabels": {"team": "files", "release": "common"},
    "podLabels": {"release": "pod"},
    "updateStrategy": {"type": "OnDelete"},
    "lifecycle": {"postStart": {"httpGet": {"port": "http", "path": "/readyz"}}},
    "runtimeClassName": "gvisor",
    "priorityClassName": "high",
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["192.0.2.53"], "options": [{"name": "ndots", "value": "1"}]},
    "hostAliases": [{"ip": "192.0.2.7", "hostnames": ["store.example.com"]}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "initContainers": [{"name": "first", "image": "first:1"}],
    "extraContainers": [{"name": "beside", "image": "beside:1", "volumeMounts": [{"name": "own", "mountPath": "/own"}]}],
    "extraEnv": [{"name": "OLD", "value": "1"}],
    "env": [{"name": "NEW", "value": "{{ not a template }}"}],
    "envFrom": [{"secretRef": {"name": "variables"}}, {"configMapRef": {"name": "others"}}],
    "extraVolumes": [{"name": "own", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "own", "mountPath": "/own"}],
    "podSecurityContext": {"runAsUser": 1000, "supplementalGroups": [7]},
    "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
    "usersFrom": {"sidecar": {"enabled": True}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "monitor"}, "namespace": "monitoring"},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "tls": {"mode": "required", "certManager": {"enabled": True, "issuerRef": {"name": "a"}, "dnsNames": ["a.example.com"]}},
    "extraObjects": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": '{{ include "wharf.name" . }}-more', "namespace": '{{ include "wharf.namespace" . }}'},
            "data": {"port": "{{ .Values.service.port }}"},
        },
        """
{{- range list "a" "b" }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "wharf.name" $ }}-{{ . }}
  namespace: {{ include "wharf.namespace" $ }}
{{- end }}
""",
    ],
}


def services(documents):
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == "Service"}


class Extras(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def render(self, values, *arguments, **options):
        # The name differs, as what was rendered is remembered by it.
        path = tempfile.mkdtemp(dir=self.folder)
        return manifests(*values_file(path, values), *arguments, **options)

    def test_a_pod_takes_what_others_add(self):
        documents = self.render(POD)
        whole = one("StatefulSet", documents)["spec"]
        pod = whole["template"]["spec"]
        first, server, collector, beside = [*pod["initContainers"][1:], *pod["containers"]]
        self.assertEqual([each["name"] for each in (first, server, collector, beside)], ["first", "wharf", "users", "beside"])
        self.assertEqual(pod["initContainers"][0]["name"], "first-users", "the chart's own comes first")
        for key in ("runtimeClassName", "priorityClassName", "dnsPolicy", "dnsConfig", "hostAliases", "topologySpreadConstraints"):
            self.assertEqual(pod[key], POD[key], key)
        self.assertEqual(whole["updateStrategy"], POD["updateStrategy"])
        self.assertEqual(server["lifecycle"], POD["lifecycle"])
        self.assertEqual(server["env"], POD["extraEnv"] + POD["env"])
        self.assertEqual(server["envFrom"], POD["envFrom"])
        self.assertIn(POD["extraVolumeMounts"][0], server["volumeMounts"])
        self.assertIn(POD["extraVolumes"][0], pod["volumes"])
        self.assertEqual(beside, POD["extraContainers"][0])
        # Contexts are merged over those of the chart.
        context = pod["securityContext"]
        self.assertEqual((context["runAsUser"], context["runAsGroup"], context["supplementalGroups"]), (1000, 65532, [7]))
        for container in (server, collector, pod["initContainers"][0]):
            context = container["securityContext"]
            self.assertEqual(context["capabilities"], {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})
            self.assertIs(context["readOnlyRootFilesystem"], True)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "all.yaml"
            path.write_text(yaml.safe_dump_all(documents))
            run(TOOLS / "deploy/bin/kubernetes-validate", "--strict", "-k", "1.30", path)
        other = self.render(POD, version=HELMS[1])
        self.assertEqual(one("StatefulSet", other)["spec"], whole)

    def test_names_labels_and_namespaces_are_the_same_everywhere(self):
        documents = self.render(POD)
        names = {d["metadata"]["name"] for d in documents}
        self.assertTrue(all(name.startswith("wharf-ftp") for name in names), names)
        for document in documents:
            metadata, about = document["metadata"], (document["kind"], document["metadata"]["name"])
            self.assertEqual(metadata["namespace"], "monitoring" if about[0] == "ServiceMonitor" else "elsewhere", about)
            if not re.search("-(more|a|b)$", about[1]):
                self.assertEqual(metadata["labels"]["team"], "files", about)
                expected = "ftp-test" if about[0] == "Pod" else "ftp"
                self.assertEqual(metadata["labels"]["app.kubernetes.io/name"], expected, about)
        # No label stands twice; that of the object counts.
        self.assertEqual(one("ServiceMonitor", documents)["metadata"]["labels"]["release"], "monitor")
        whole = one("StatefulSet", documents)["spec"]
        self.assertEqual(whole["template"]["metadata"]["labels"]["release"], "pod")
        self.assertEqual(one("StatefulSet", documents)["metadata"]["labels"]["release"], "common")
        # What selects pods is what pods have, and nothing that may change.
        selector = {"app.kubernetes.io/name": "ftp", "app.kubernetes.io/instance": "wharf"}
        self.assertEqual(whole["selector"]["matchLabels"], selector)
        for service in services(documents).values():
            self.assertEqual(service["spec"]["selector"], selector)
        self.assertLessEqual(selector.items(), whole["template"]["metadata"]["labels"].items())
        # The container that collects looks there, too.
        [namespace] = [v["value"] for v in whole["template"]["spec"]["containers"][1]["env"] if v["name"] == "NAMESPACE"]
        self.assertEqual((namespace, one("RoleBinding", documents)["subjects"][0]["namespace"]), ("elsewhere", "elsewhere"))
        # The alerts ask for job="wharf", whatever the label is.
        self.assertEqual(
            one("ServiceMonitor", documents)["spec"]["endpoints"][0]["relabelings"], [{"targetLabel": "job", "replacement": "wharf"}]
        )
        self.assertEqual(one("ConfigMap", documents, "-more")["data"], {"port": "21"})
        self.assertEqual({n[-1] for n in names if n.endswith(("-a", "-b"))}, {"a", "b"})

    def test_is_a_part_of_another_chart(self):
        """Twice, by aliases, each under a condition, as charts usually have parts."""
        whole = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "platform"
        (whole / "charts").mkdir(parents=True)
        (whole / "charts/wharf").symlink_to(CHART)
        parts = [{"name": "wharf", "version": "*", "alias": name, "condition": f"{name}.enabled"} for name in ("ftp", "archive", "spare")]
        chart = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": parts}
        (whole / "Chart.yaml").write_text(yaml.safe_dump(chart))
        monitored = {"enabled": True, "serviceMonitor": {"enabled": True}}
        values = {"ftp": monitored, "archive": monitored, "spare": {"enabled": False}}
        (whole / "values.yaml").write_text(yaml.safe_dump(values))
        for version in HELMS:
            documents = [document for document in yaml.safe_load_all(helm("template", "a", whole, version=version).stdout) if document]
            names = [(document["kind"], document["metadata"]["name"]) for document in documents]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual({name for kind, name in names if kind == "StatefulSet"}, {"a-ftp", "a-archive"})
            for monitor in [document for document in documents if document["kind"] == "ServiceMonitor"]:
                # The alerts ask for this job.
                [endpoint] = monitor["spec"]["endpoints"]
                self.assertEqual(endpoint["relabelings"], [{"targetLabel": "job", "replacement": "wharf"}])
            # Both would get the same name, without its end.
            ran = helm("template", "company-platform-production-europe-west-1", whole, version=version, check=False)
            self.assertIn("fullnameOverride: it has to be set, to at most 40 characters: company-platform-", ran.stderr)
            self.assertIn("has been called company-platform-production-europe-west:", ran.stderr)

    def test_replicas_end_slowly_unless_something_else_is_said(self):
        several = ["--values", str(CHART / "examples/three-replicas.yaml")]
        lifecycle = lambda values: one("StatefulSet", self.render(values, *several))["spec"]["template"]["spec"]["containers"][0]["lifecycle"]
        slowly = {"sleep": {"seconds": 5}}
        self.assertEqual(lifecycle({}), {"preStop": slowly})
        started = {"httpGet": {"port": "http", "path": "/readyz"}}
        self.assertEqual(lifecycle({"lifecycle": {"postStart": started}}), {"preStop": slowly, "postStart": started})
        self.assertEqual(lifecycle({"lifecycle": {"preStop": {"sleep": {"seconds": 9}}}}), {"preStop": {"sleep": {"seconds": 9}}})
        on_node = one("StatefulSet", self.render({"hostNetwork": True, "dnsPolicy": "Default"}))["spec"]["template"]["spec"]
        self.assertEqual(on_node["dnsPolicy"], "Default")

    def test_openshift_assigns_users_and_groups(self):
        """Its constraints refuse a pod that asks for others than those of the namespace, and so would be every container."""
        for version in HELMS:
            text = template("--values", str(CHART / "examples/openshift.yaml"), "--set=usersFrom.sidecar.enabled=true", version=version)
            for word in ("runAsUser", "runAsGroup", "fsGroup:", "65532", "supplementalGroups"):
                self.assertNotIn(word, text)
            self.assertEqual(text.count("runAsNonRoot: true"), 6, "two pods and four containers")
            self.assertEqual(text.count("drop:\n"), 4)

    def test_services_stand_side_by_side(self):
        values = {
            "ports": {"implicitTls": 2990},
            "tls": {"mode": "required", "existingSecret": "a"},
            "service": {"type": "LoadBalancer", "port": 2100, "nodePort": 30021, "implicitTlsNodePort": 30990, "labels": {"to": "all"}}
            | {"loadBalancerIP": "192.0.2.7", "loadBalancerClass": "a/b", "annotations": {"for": "partners"}, "sessionAffinity": "ClientIP"},
            "extraServices": {
                "internal": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "annotations": {"for": "us"}}
                | {"loadBalancerSourceRanges": ["10.0.0.0/8"], "sessionAffinity": "None"},
                "cluster": {"port": 21, "clusterIP": "10.96.0.21", "externalIPs": ["192.0.2.9"]},
            },
        }
        found = services(self.render(values))
        self.assertEqual(set(found), {"wharf", "wharf-internal", "wharf-cluster", "wharf-pods"})
        first, internal, cluster = (found[name] for name in ("wharf", "wharf-internal", "wharf-cluster"))
        ports = {name: {p["name"]: (p["port"], p["targetPort"], p.get("nodePort")) for p in s["spec"]["ports"]} for name, s in found.items()}
        self.assertEqual((ports["wharf"]["ftp"], ports["wharf"]["ftps"]), ((2100, "ftp", 30021), (990, "ftps", 30990)))
        self.assertEqual((ports["wharf-internal"]["ftp"], ports["wharf-cluster"]["ftp"]), ((2100, "ftp", None), (21, "ftp", None)))
        for name in ("wharf", "wharf-internal", "wharf-cluster"):
            self.assertEqual(len(ports[name]), 34)
            self.assertEqual(ports[name]["passive-61007"], (61007, 61007, None))
        spec = first["spec"]
        self.assertEqual((spec["loadBalancerIP"], spec["loadBalancerClass"], spec["sessionAffinity"]), ("192.0.2.7", "a/b", "ClientIP"))
        self.assertEqual((first["metadata"]["annotations"], first["metadata"]["labels"]["to"]), ({"for": "partners"}, "all"))
        spec = internal["spec"]
        self.assertEqual((spec["externalTrafficPolicy"], spec["sessionAffinity"], spec["allocateLoadBalancerNodePorts"]), ("Local", "None", False))
        self.assertEqual(spec["loadBalancerSourceRanges"], ["10.0.0.0/8"])
        self.assertFalse({"loadBalancerIP", "loadBalancerClass"} & set(spec), "that of another balancer")
        self.assertEqual(internal["metadata"]["annotations"], {"for": "us"})
        self.assertNotIn("annotations", cluster["metadata"])
        spec = cluster["spec"]
        self.assertEqual((spec["type"], spec["clusterIP"], spec["externalIPs"]), ("ClusterIP", "10.96.0.21", ["192.0.2.9"]))
        self.assertFalse({"externalTrafficPolicy", "allocateLoadBalancerNodePorts"} & set(spec))

    def test_each_port_has_a_route_to_its_listener(self):
        [example] = ["--values", str(CHART / "examples/gateway-api.yaml")][1:]
        documents = manifests("--values", example)
        gateway = one("Gateway", documents)["spec"]["listeners"]
        routes = [d for d in documents if d["kind"] == "TCPRoute"]
        service = {p["port"] for p in services(documents)["wharf"]["spec"]["ports"]}
        self.assertEqual({listener["port"] for listener in gateway}, service)
        self.assertEqual(len(routes), 33)
        for route in routes:
            [parent], [rule] = route["spec"]["parentRefs"], route["spec"]["rules"]
            [backend] = rule["backendRefs"]
            self.assertEqual(parent, {"name": "ftp", "port": backend["port"]})
            self.assertEqual(backend["name"], "wharf")
        self.assertEqual({route["spec"]["parentRefs"][0]["port"] for route in routes}, service)
        values = {
            "gateway": {"enabled": True, "attachBy": "sectionName", "parentRefs": [{"name": "a", "namespace": "b"}, {"name": "c"}]}
            | {"apiVersion": "gateway.networking.k8s.io/v1", "annotations": {"a": "b"}},
            "ports": {"implicitTls": 2990},
            "passive": {"ports": "61000"},
            "tls": {"mode": "required", "existingSecret": "a"},
        }
        routes = {d["metadata"]["name"]: d for d in self.render(values) if d["kind"] == "TCPRoute"}
        self.assertEqual(set(routes), {"wharf-ftp", "wharf-ftps", "wharf-passive-61000"})
        route = routes["wharf-ftps"]
        self.assertEqual((route["apiVersion"], route["metadata"]["annotations"]), ("gateway.networking.k8s.io/v1", {"a": "b"}))
        parents = [{"name": "a", "namespace": "b", "sectionName": "ftps"}, {"name": "c", "sectionName": "ftps"}]
        self.assertEqual(route["spec"]["parentRefs"], parents)
        self.assertEqual(route["spec"]["rules"][0]["backendRefs"], [{"name": "wharf", "port": 990}])

    def test_monitors_relabel(self):
        rules = {
            "relabelings": [{"action": "labeldrop", "regex": "pod"}],
            "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "a_.*"}],
        }
        monitor = {"enabled": True, "interval": "15s", "scrapeTimeout": "5s", "labels": {"release": "kube"}, **rules}
        expected = {"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "5s", **rules}
        for value, kind, key in (("serviceMonitor", "ServiceMonitor", "endpoints"), ("podMonitor", "PodMonitor", "podMetricsEndpoints")):
            documents = self.render({value: monitor})
            made = one(kind, documents)
            self.assertEqual(made["spec"][key], [expected])
            self.assertEqual(made["metadata"]["labels"]["release"], "kube")
            # It finds what it asks, by labels and by the name of a port.
            wanted = made["spec"]["selector"]["matchLabels"]
            pod = one("StatefulSet", documents)["spec"]["template"]
            target = pod if kind == "PodMonitor" else services(documents)["wharf-pods"]
            self.assertLessEqual(wanted.items(), target["metadata"]["labels"].items())
            self.assertIn("http", [port["name"] for port in pod["spec"]["containers"][0]["ports"]])
            self.assertEqual(made["spec"]["jobLabel"], "app.kubernetes.io/name")
            self.assertEqual(target["metadata"]["labels"]["app.kubernetes.io/name"], "wharf", "the alerts ask for this job")

    def test_a_balancer_that_sends_the_proxy_protocol_is_told_that_the_server_is_ready(self):
        """Amazon's health checks begin with a header that names nobody (LOCAL), on the port of health as on all others."""
        documents = manifests("--values", str(CHART / "examples/aws-nlb-proxy-protocol.yaml"))
        annotations = services(documents)["wharf"]["metadata"]["annotations"]
        prefix = "service.beta.kubernetes.io/aws-load-balancer-"
        self.assertEqual(annotations[f"{prefix}proxy-protocol"], "*")
        self.assertIn("preserve_client_ip.enabled=false", annotations[f"{prefix}target-group-attributes"])
        self.assertEqual(len(services(documents)["wharf"]["spec"]["ports"]), 49, "an NLB has 50 listeners")
        check = {key.removeprefix(f"{prefix}healthcheck-"): value for key, value in annotations.items() if "healthcheck" in key}
        [container] = one("StatefulSet", documents)["spec"]["template"]["spec"]["containers"]
        [http] = [port["containerPort"] for port in container["ports"] if port["name"] == "http"]
        self.assertEqual((check["protocol"], check["port"]), ("http", str(http)))
        config = yaml.safe_load(one("ConfigMap", documents)["data"]["wharf.yaml"])
        self.assertEqual(config["server"]["proxy_protocol"]["trusted"], ["10.0.0.0/24", "10.0.1.0/24"])

        def here(config):
            config["server"]["proxy_protocol"] = {"trusted": ["127.0.0.0/8"]}
            config["backends"] = {"lake": {"kind": "memory"}}
            config.pop("tls")

        server = Server(documents, self.folder, {"ftp-users": {"partner": HASH}, "ftp-certificate": {}}, here)
        self.addCleanup(server.stop)
        # Version 2, LOCAL, 84 bytes of further fields that say nothing.
        header = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20, 0x11, 0, 84]) + bytes([3, 0, 4, 0, 0, 0, 0, 4, 0, 77]) + bytes(74)
        host, port = server.health.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 60) as balancer:
            balancer.sendall(header + f"GET {check['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            self.assertRegex(balancer.makefile("rb").read().decode(), r"^HTTP/1\.1 200 ")


if __name__ == "__main__":
    unittest.main()
