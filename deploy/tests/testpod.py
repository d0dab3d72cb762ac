"""The pod of `helm test`, as far as a process can be it."""

import re

from support import one


def test_pod(documents):
    return one("Pod", documents, "-test")


def script(documents, folder, *, control, health):
    """Its command and variables, with this machine's curl. The names of services lead to `control` and `health`.

    `folder` is its temporary one, and has the file `password` that the pod mounts.
    """
    [container] = test_pod(documents)["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    name = one("StatefulSet", documents)["metadata"]["name"]
    service = one("Service", documents, name)["spec"]
    assert environment["FTP"] == f"{name}:{service['ports'][0]['port']}", environment
    assert environment["HEALTH"] == f"{name}-pods:9121", environment
    environment |= {"FTP": control, "HEALTH": health}
    [text] = container["args"]
    return [*container["command"], re.sub("/tmp/|/run/test/", f"{folder}/", text)], environment
