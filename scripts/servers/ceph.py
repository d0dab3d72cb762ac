"""A Ceph object gateway: one monitor, one OSD in memory and one radosgw, without a manager and without keys between them."""

import shutil
import subprocess
import time
import uuid

from .common import ACCESS_KEY, READY_WITHIN, SECRET_KEY, Problem, Server, bucket_ready, free_ports

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor_port}]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
# The gateway insists on an encrypted way to its monitor, which there is none of without keys.
ms mon client mode = crc
public addr = 127.0.0.1
cluster addr = 127.0.0.1
# One OSD has to do.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
# Nothing of what it stores is on the disk, so that a full one is none of its business.
mon data avail warn = 1
mon data avail crit = 0
osd objectstore = memstore
memstore device bytes = 8G
# What is removed gives its memory back during the run, not after two hours.
rgw gc obj min wait = 20
rgw gc processor period = 20
rgw gc processor max time = 20
rgw frontends = beast endpoint=127.0.0.1:{port}
run dir = {folder}/run
crash dir = {folder}/crash
log file = {folder}/log/$name.log
admin socket = {folder}/run/$name.$pid.asok
keyring = {folder}/keyring
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
"""


def ceph_rgw(parent, servers):
    for program in ["ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"]:
        if not shutil.which(program):
            raise Problem(f"Ceph's {program} is not installed: run scripts/install-test-tools test.")
    folder = parent / "ceph"
    for name in ["run", "log", "mon", "osd", "rgw", "crash"]:
        (folder / name).mkdir(parents=True)
    monitor_port, port = free_ports(2)
    fsid = str(uuid.uuid4())
    configuration = folder / "ceph.conf"
    configuration.write_text(CONFIGURATION.format(fsid=fsid, monitor_port=monitor_port, port=port, folder=folder))

    def run(*command, limit=60):
        try:
            done = subprocess.run(
                [command[0], "--conf", configuration, *command[1:]],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, cwd=folder,
            )
        except subprocess.TimeoutExpired as error:
            raise Problem(f"{command[0]} took longer than {limit} s.") from error
        if done.returncode != 0:
            raise Problem(f"{' '.join(map(str, command))} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def daemon(name, *command):
        server = Server(name, parent, [*command, "--conf", configuration, "-f"])
        servers.append(server)
        return server

    keyring = folder / "keyring"
    run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    everything = ["--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"]
    run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *everything)
    monitors = folder / "monmap"
    address = f"[v2:127.0.0.1:{monitor_port}]"
    run("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, monitors)
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)
    monitor = daemon("ceph-mon", "ceph-mon", "-i", "a")

    osd_id = str(uuid.uuid4())
    # The first word with the monitor waits until it is there.
    run("ceph", "osd", "new", osd_id)
    run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
    osd = daemon("ceph-osd", "ceph-osd", "-i", "0")
    osd.wait_until(lambda: None if "1 up" in run("ceph", "osd", "stat") else "the OSD is not up")
    run("ceph", "osd", "crush", "add-bucket", "h", "host")
    run("ceph", "osd", "crush", "move", "h", "root=default")
    run("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=h")

    gateway = daemon("radosgw", "radosgw", "-n", "client.admin", "--rgw-data", folder / "rgw")
    keys = ["--access-key", ACCESS_KEY, "--secret", SECRET_KEY]
    create = ["radosgw-admin", "user", "create", "--uid", "wharf", "--display-name", "Wharf", *keys]
    # Both make the zone's pools when there are none, and one of them loses: it has to ask again.
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            run(*create)
            break
        except Problem:
            if time.monotonic() > deadline or monitor.process.poll() is not None:
                raise
            time.sleep(0.2)
    url = f"http://127.0.0.1:{port}"
    gateway.wait_until(lambda: bucket_ready(url))
    return url, ACCESS_KEY, SECRET_KEY
