"""What the chart refuses of values that other charts have as well, and how it helps who mistypes one."""

import re
import tempfile
import unittest

import yaml

from support import CHART, HELMS, SENTENCE, one, refused, template, values_file

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
BALANCED = "service.type=LoadBalancer"
TLS = "tls.mode=required,tls.existingSecret=a,ports.implicitTls=2990"
ROUTES = "gateway.enabled=true,gateway.parentRefs[0].name=a"

SENTENCES = {
    # Mistyped, elsewhere, of other charts, and in no way known.
    "imgae.tag=1": "imgae: there is no such value; did you mean image? The README of the chart lists all values.",
    "service.typ=NodePort": "service.typ: there is no such value; did you mean service.type? There are allocateLoadBalancer",
    "service.loadBalancerIp=192.0.2.7": "did you mean service.loadBalancerIP?",
    "pod_labels.a=b": "did you mean podLabels?",
    "users[0].name=demo,users[0].bakcend=scratch": "users[0].bakcend: there is no such value; did you mean users[0].backend?",
    "users[0].name=a,users[0].backend=scratch,users[0].mounts[0].where=/a": "users[0].mounts[0].where: there is no such value. There are at,",
    "usersFrom.sidecar.labels=a": "did you mean usersFrom.sidecar.label?",
    "backends.lake.kind=s3,backends.lake.secrets.access_key_id.valeu=x": "did you mean backends.lake.secrets.access_key_id.value?",
    "extraServices.internal.tpye=a": "extraServices.internal.tpye: there is no such value; did you mean extraServices.internal.type?",
    "config.sever.a=1": "did you mean config.server?",
    "nodePort=30021": "nodePort: there is no such value; did you mean service.nodePort?",
    "replicaCount=3": "did you mean replicas?",
    "ingress.enabled=true": "did you mean gateway, as FTP is no HTTP, or service.type LoadBalancer?",
    "persistence.storageClassName=a": "did you mean persistence.storageClass?",
    "podDisruptionBudget.minAvailable=1": "did you mean podDisruptionBudget.maxUnavailable, the other way round?",
    "networkPolicy.ingress[0].a=b": "did you mean networkPolicy.clients and networkPolicy.monitoring, or networkPolicy.extraIngress?",
    "users[0].home=/a": "users[0].home: there is no such value; did you mean path, the folder in the backend?",
    "host=a": "did you mean passive.address, the name or address that clients connect to?",
    "frobnicate=1": "frobnicate: there is no such value. The README of the chart lists all values.",
    # The pod.
    "extraContainers[0].name=wharf": "extraContainers[0].name: wharf is the name of the server's container already; take another.",
    "extraContainers[0].image=a": "extraContainers[0]: a container needs a name.",
    "initContainers[0].name=a,extraContainers[0].name=a": "extraContainers[0].name: a is the name of one in initContainers already",
    "usersFrom.sidecar.enabled=true,initContainers[0].name=users": "users is the name of that of usersFrom.sidecar already",
    "env[0].name=A,extraEnv[0].name=A": "env: A stands in extraEnv already.",
    "env[0].value=A": "env[0]: a variable needs a name: `{ name: TZ, value: UTC }`.",
    "dnsPolicy=none": 'dnsPolicy: there is no "none"; it is Default, ClusterFirst, ClusterFirstWithHostNet, None.',
    "dnsPolicy=None": "dnsPolicy: with None the pod asks the servers of `dnsConfig.nameservers`, and there are none.",
    "updateStrategy.type=Recreate": 'updateStrategy.type: there is no "Recreate"; it is RollingUpdate, OnDelete.',
    "podSecurityContext.runAsUser=0": "podSecurityContext.runAsUser: 0 is root, and with runAsNonRoot the kubelet starts no such container",
    "securityContext.runAsUser=0": "securityContext.runAsUser: 0 is root",
    "commonLabels.app\\.kubernetes\\.io/name=a": "commonLabels: the chart sets the label app.kubernetes.io/name itself",
    "podLabels.app\\.kubernetes\\.io/instance=a": "podLabels: services find the pod by the label app.kubernetes.io/instance",
    "nameOverride=a b": "fullnameOverride, nameOverride: services can't be named wharf-a b",
    "fullnameOverride=a,nameOverride=a b": 'nameOverride: "a b" is wrong; it is a label',
    "namespaceOverride=A": 'namespaceOverride: "A" is wrong; it is the name of a namespace.',
    "extraVolumes[0].name=config": "extraVolumes[0].name: config is that of the volume of the configuration already; take another.",
    "extraVolumes[0].name=a,extraVolumes[1].name=a": "extraVolumes[1].name: a is that of the volume of extraVolumes already",
    "extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/a": 'extraVolumeMounts[0].name: there is no volume "a"; extraVolumes brings one, and the pod has config, secrets, temporary.',
    "extraObjects[0].kind=ConfigMap": "extraObjects[0]: an object of Kubernetes has apiVersion, kind and metadata.name.",
    "extraObjects[0]=a: {{ $labels.instance }}": "extraObjects[0]: the object is filled in as a template of this chart, in which there is no `$labels`: what another program",
    'extraObjects[0]=a: {{ $x := 1 }}{{ printf "%s" $labels.instance }}': "in which there is no `$labels`",
    "extraObjects[0]=a: [": "extraObjects[0]: that is no YAML once its template is filled in:",
    # Services.
    "service.nodePort=30021": "service.nodePort: a service of type ClusterIP has no ports of nodes; set service.type to NodePort or LoadBalancer",
    f"{BALANCED},service.nodePort=21": "service.nodePort: 21: ports of nodes lie between 30000 and 32767.",
    f"{BALANCED},service.implicitTlsNodePort=30990": "service.implicitTlsNodePort: ports.implicitTls is 0, so there is no such port",
    f"{TLS},service.implicitTlsNodePort=30990": "service.implicitTlsNodePort: a service of type ClusterIP has no ports of nodes",
    f"{BALANCED},{TLS},service.nodePort=30021,service.implicitTlsNodePort=30021": "is that of service.",
    f"{BALANCED},service.nodePort=30021,extraServices.b.type=LoadBalancer,extraServices.b.nodePort=30021": "30021 is that of service.nodePort already.",
    "service.loadBalancerIP=192.0.2.7": "service.loadBalancerIP: that is for a load balancer, and service.type is ClusterIP",
    "service.loadBalancerClass=a": "service.loadBalancerClass: that is for a load balancer",
    "service.loadBalancerSourceRanges[0]=192.0.2.0/24": "Set the type to LoadBalancer, or leave this out; `networkPolicy.clients` says who may",
    "service.allocateLoadBalancerNodePorts=false": "service.allocateLoadBalancerNodePorts: that is for a load balancer",
    f"{BALANCED},service.loadBalancerIP=a": 'service.loadBalancerIP: "a" is wrong; it is an IP address',
    "service.clusterIP=None": 'service.clusterIP: "None" is wrong',
    "service.externalIPs[0]=here": 'service.externalIPs: "here" is wrong',
    "extraServices.internal.type=loadBalancer": 'extraServices.internal.type: there is no "loadBalancer"; it is ClusterIP, NodePort, LoadBalancer.',
    "extraServices.internal.port=61000": "extraServices.internal.port: 61000 is among the ports for data connections",
    "extraServices.pods.port=21": "extraServices.pods: the chart has a service of that name already",
    "extraServices.In_ternal.port=21": 'extraServices: "In_ternal" is wrong; it is the end of a service',
    "hostNetwork=true,extraServices.a.port=21": "extraServices.a: with hostNetwork there is no service",
    "hostNetwork=true,service.type=LoadBalancer": "service.type: with hostNetwork there is no service, neither LoadBalancer nor another",
    "hostNetwork=true,service.externalIPs[0]=192.0.2.7": "service.externalIPs: with hostNetwork there is no service",
    "hostNetwork=true,service.clusterIP=192.0.2.7": "service.clusterIP: with hostNetwork there is no service",
    "hostNetwork=true,service.nodePort=30021": "service.nodePort: with hostNetwork there is no service",
    "passive.ports=30100-30131,service.type=NodePort,extraServices.a.type=NodePort": "and service has them already: one service can be of type NodePort.",
    # Routes and monitors.
    "gateway.enabled=true": "gateway.parentRefs: which Gateway has the listeners?",
    f"{ROUTES},gateway.parentRefs[0].port=21": "gateway.parentRefs[0]: each route gets a listener of its own",
    f"{ROUTES},gateway.attachBy=name": 'gateway.attachBy: there is no "name"; it is port, sectionName.',
    f"{ROUTES},passive.ports=61000-61063": "at most 64 listeners, and 65 ports need one each; passive.ports may have 63.",
    f"{ROUTES},hostNetwork=true": "gateway.enabled: routes lead to the service, and with hostNetwork there is none",
    "serviceMonitor.enabled=true,podMonitor.enabled=true": "podMonitor.enabled: serviceMonitor is enabled, too",
    "podMonitor.scrapeTimeout=soon": 'podMonitor.scrapeTimeout: "soon" is wrong; it is a duration such as 10s.',
    "hostNetwork=true,httpListenAddress=127.0.0.1,podMonitor.enabled=true": "podMonitor.enabled: Prometheus can't reach 127.0.0.1",
}

# What another program fills in, as Helm passes it on.
ESCAPED = {
    "a": "{{`{{ $labels.instance }}`}}",
    "b": "{{- `{{ $labels.instance }}` -}}",
    "c": "{{ `{{ $labels.instance }}` | trim }}",
    "d": '{{ "{{ $labels.instance }}" }}',
    "e": '{{ printf "{{ $%s.%s }}" "labels" "instance" }}',
    "f": "{{/* {{ $labels }} */}}{{`{{ $labels.instance }}`}}",
    "g": '{{ "{{" }} $labels.instance {{ "}}" }}',
    "h": '{{ $x := "labels" }}{{ range $i, $y := list "instance" }}{{ `{{ $` }}{{ $x }}.{{ $y }}{{ " }}" }}{{ end }}',
}


class Refusals(unittest.TestCase):
    def test_are_sentences_that_say_what_to_do(self):
        for wrong, expected in SENTENCES.items():
            with self.subTest(wrong):
                sentence = SENTENCE.search(refused(wrong))
                self.assertTrue(sentence, wrong)
                self.assertIn(expected, sentence[1])

    def test_both_helms_say_the_same(self):
        for wrong in ("service.typ=a", "gateway.enabled=true", "extraObjects[0].kind=a"):
            said = {SENTENCE.search(refused(wrong, version=version))[1] for version in HELMS}
            self.assertEqual(len(said), 1)

    def test_show_no_values(self):
        for wrong in ("users[0].passwrod=marker", "backends.lake.secrets.access_key_id.valeu=marker", "pasword=marker"):
            self.assertNotIn("marker", refused(wrong))

    def test_name_values_that_there_are(self):
        text = (CHART / "templates/_validate_known.tpl").read_text()
        names = yaml.safe_load(re.search(r'define "wharf.otherNames" -}}\n(.*?){{- end', text, re.S)[1])
        known = yaml.safe_load(re.search(r'define "wharf.knownValues" -}}\n(.*?){{- end', (CHART / "templates/_values.tpl").read_text(), re.S)[1])
        for name, meant in names.items():
            meant = meant.split(",")[0].split(" and ")[0]
            if "[]" in name:
                section, key = name.rsplit(".", 1)
                self.assertIn(meant, known[section].split(), name)
                self.assertNotIn(key, known[section].split(), "it is known")
                continue
            place = DEFAULTS
            for key in meant.split("."):
                self.assertIn(key, place, name)
                place = place[key]
            place = DEFAULTS
            *sections, last = name.split(".")
            for key in sections:
                place = place[key]
            self.assertNotIn(last, place, "it is known")

    def test_what_is_right_is_taken(self):
        """Together, as each is checked by itself."""
        values = {
            "global": {"any": "thing"},
            "enabled": True,
            "backends": {"scratch": {"kind": "memory", "capacity": "1MiB"}},
            "extraServices": {"internal": None, "a": {}, "b": {"type": "LoadBalancer", "nodePort": 30022}},
            "service": {"type": "LoadBalancer", "nodePort": 30021},
            "resources": {"claims": [{"name": "a"}]},
            "affinity": {"any": {"thing": [{"typ": 1}]}},
            "podSecurityContext": {"runAsUser": None, "any": "thing"},
            "extraObjects": [
                "# only a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\n# and another",
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "the-b"}, "data": ESCAPED},
            ],
            "networkPolicy": {"enabled": True, "extraIngress": [{"ports": [{"port": 9000}]}]},
            "persistence": {"enabled": True, "storageClass": "-"},
            "podMonitor": {"enabled": True},
        }
        with tempfile.TemporaryDirectory() as folder:
            for version in HELMS:
                made = list(yaml.safe_load_all(template(*values_file(folder, values), version=version)))
                made = [document for document in made if document]
                self.assertEqual(set(one("ConfigMap", made, "-b")["data"].values()), {"{{ $labels.instance }}"})
                self.assertIn({"ports": [{"port": 9000}]}, one("NetworkPolicy", made)["spec"]["ingress"])
                self.assertEqual(one("StatefulSet", made)["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"], "")


if __name__ == "__main__":
    unittest.main()
