"""Values that are null, or not there: `nodeSelector:` with all of its lines commented out, or an upgrade with `--reuse-values`."""

import copy
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml

from support import CHART, HELMS, SENTENCE, helm, manifests, one, refused, values_file

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
TEXT = (CHART / "templates/_values.tpl").read_text()
KINDS = yaml.safe_load(re.search(r'define "wharf.nullValues" -}}\n(.*?){{- end', TEXT, re.S)[1])
EMPTY = {"map": dict, "list": list, "text": str}
# Without a storage there is no server: that has a sentence of its own.
FREE = {place: EMPTY[kind] for kind in EMPTY for place in KINDS[kind].split() if place != "backends"}
# So that each of them is looked at, where it may be empty then.
BASE = {
    "persistence": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "usersFrom": {"sidecar": {"enabled": True}},
    "service": {"type": "LoadBalancer"},
}

REFUSED = {
    "image=null": "image: this is missing: null takes away the chart's own value, so leave the line out;",
    "image.repository=null": "image.repository: this is missing",
    "service.port=null": "service.port: this is missing",
    "hostNetwork=null": "hostNetwork: this is missing",
    "tls.mode=null": "tls.mode: this is missing",
    "persistence.accessModes=null": "persistence.accessModes: this is missing",
    "usersFrom.sidecar=null": "usersFrom.sidecar: this is missing",
    # Before what else is wrong.
    "replicas=null,frobnicate=1": "replicas: this is missing",
    "autoscaling.metrics=null,autoscaling.enabled=true": "autoscaling.metrics: something has to say how many replicas are needed.",
}


def put(values, place, value):
    """Sets what stands at a place such as `image.tag`; without a value, takes it out."""
    *sections, last = place.split(".")
    for key in sections:
        values = values.setdefault(key, {})
    if value is Ellipsis:
        del values[last]
    else:
        values[last] = value


def rendered(chart, *options, version=HELMS[0]):
    ran = helm("template", "wharf", chart, "--namespace", "ftp", "--api-versions", "monitoring.coreos.com/v1", *options, version=version)
    return [document for document in yaml.safe_load_all(ran.stdout) if document]


def chart_with(folder, defaults):
    """A copy of the chart with other defaults, as an upgrade with `--reuse-values` renders it with those of an older chart."""
    chart = pathlib.Path(folder) / "wharf"
    shutil.copytree(CHART, chart)
    (chart / "values.yaml").write_text(yaml.safe_dump(defaults))
    return chart


class Nulls(unittest.TestCase):
    def test_stand_for_what_is_empty(self):
        """Helm merges an empty map over the default, which remains: so the chart of the comparison has it as its default."""
        empty, nulls = copy.deepcopy(DEFAULTS), copy.deepcopy(BASE)
        for place, kind in FREE.items():
            put(empty, place, kind())
            put(nulls, place, None)
        with tempfile.TemporaryDirectory() as folder:
            base, given = values_file(folder, BASE, "base.yaml"), values_file(folder, nulls)
            expected = rendered(chart_with(folder, empty), *base)
            kinds = {document["kind"] for document in expected}
            self.assertLessEqual({"StatefulSet", "NetworkPolicy", "ServiceMonitor", "PrometheusRule", "PodDisruptionBudget"}, kinds)
            for version in HELMS:
                self.assertEqual(rendered(CHART, *given, version=version), expected)

    def test_stand_for_what_an_older_chart_does_not_have(self):
        empty, older = copy.deepcopy(DEFAULTS), copy.deepcopy(DEFAULTS)
        for place, kind in FREE.items():
            put(empty, place, kind())
            put(older, place, Ellipsis)
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            self.assertEqual(rendered(chart_with(a, older)), rendered(chart_with(b, empty)))

    def test_without_a_default_are_as_if_they_were_not_there(self):
        """Helm leaves these null; so it does in some charts that depend on this one."""
        values = {
            "backends": {"scratch": {"kind": "memory"}},
            "users": [{"name": "a", "backend": "scratch", "existingSecret": {"name": "a", "key": "b"}, "mounts": []}],
            "extraServices": {"a": {"port": 2121}},
            "tls": {"mode": "required", "existingSecret": "a", "settings": {"min_version": "1.3"}},
            "config": {"server": {"limits": {"sessions": 5}}},
        }
        nulls = copy.deepcopy(values)
        nulls["backends"]["lake"] = None
        nulls["backends"]["scratch"].update(secrets=None, capacity=None)
        nulls["users"][0].update(quota=None, networks=None, passwordHash=None)
        nulls["extraServices"]["a"].update(labels=None, type=None, implicitTlsPort=None)
        nulls["extraServices"]["b"] = None
        nulls["tls"]["settings"]["mode"] = None
        nulls["config"].update(events=None, tls=None)
        nulls["config"]["server"]["listen"] = None
        with tempfile.TemporaryDirectory() as folder:
            defaults = copy.deepcopy(DEFAULTS)
            # Its own capacity would be merged into both.
            del defaults["backends"]["scratch"]["capacity"]
            chart = chart_with(folder, defaults)
            expected = rendered(chart, *values_file(folder, values))
            for version in HELMS:
                self.assertEqual(rendered(chart, *values_file(folder, nulls, "nulls.yaml"), version=version), expected)

    def test_take_out_a_part(self):
        container = one("StatefulSet", manifests("--set=resources.limits=null"))["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["resources"], {"requests": DEFAULTS["resources"]["requests"]})

    def test_of_a_chart_that_depends_on_this_one(self):
        with tempfile.TemporaryDirectory() as folder:
            parent = pathlib.Path(folder)
            (parent / "charts").mkdir()
            chart_with(parent / "charts", DEFAULTS)
            (parent / "Chart.yaml").write_text("apiVersion: v2\nname: parent\nversion: 1.0.0\n")
            values_file(folder, {"wharf": {"nodeSelector": None, "tls": {"settings": None}, "image": {"tag": None}}})
            given = values_file(folder, {"wharf": {"affinity": None, "resources": None}}, "given.yaml")
            wrong = values_file(folder, {"wharf": {"ports": {"http": None}}}, "wrong.yaml")
            for version in HELMS:
                pod = one("StatefulSet", rendered(parent, *given, version=version))["spec"]["template"]["spec"]
                self.assertNotIn("affinity", pod)
                self.assertFalse(pod["containers"][0]["resources"])
                ran = helm("template", "a", parent, *wrong, version=version, check=False)
                self.assertIn("ports.http: this is missing", ran.stderr)


class Needed(unittest.TestCase):
    def test_is_refused_with_a_sentence(self):
        for wrong, expected in REFUSED.items():
            with self.subTest(wrong):
                found = refused(wrong)
                sentence = SENTENCE.search(found)
                self.assertTrue(sentence, found)
                self.assertIn(expected, sentence[1])

    def test_is_refused_in_an_upgrade_that_has_no_new_values(self):
        older = copy.deepcopy(DEFAULTS)
        del older["gateway"], older["nodeSelector"], older["cluster"]["sessions"]
        with tempfile.TemporaryDirectory() as folder:
            chart = chart_with(folder, older)
            for version in HELMS:
                ran = helm("template", "wharf", chart, version=version, check=False)
                self.assertRegex(SENTENCE.search(ran.stderr)[1], r"^cluster\.sessions: .* --reuse-values.*use --reset-then-reuse-values\.$")

    def test_every_value_is_known(self):
        """Each is one that is needed, or one that may be empty; what is in the latter is as it was given."""
        free = {*FREE, "backends"}
        needed = set(KINDS["needed"].split())
        self.assertFalse(free & needed)

        def look(values, place):
            for key, value in values.items():
                name = f"{place}{key}"
                self.assertIn(name, free | needed)
                if name in needed and isinstance(value, dict):
                    look(value, f"{name}.")
                elif name in needed:
                    self.assertNotIn(value, ("", [], {}), name)

        look(DEFAULTS, "")


if __name__ == "__main__":
    unittest.main()
