"""OpenStack Swift with its S3 interface: a proxy, one account, container and object server each, and a memcached."""

import getpass
import shutil
import subprocess

from .common import TOOLS, Problem, Server, bucket_ready, free_ports

HASHES = """
[swift-hash]
swift_hash_path_prefix = wharf
swift_hash_path_suffix = wharf
[storage-policy:0]
name = gold
policy_type = replication
default = yes
"""

STORE = """
[DEFAULT]
swift_dir = {folder}/etc
devices = {devices}
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
log_name = {kind}
log_udp_host =
log_level = WARNING
recon_cache_path = {folder}/cache
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """
[DEFAULT]
swift_dir = {folder}/etc
bind_ip = 127.0.0.1
bind_port = {port}
workers = 2
user = {user}
log_name = proxy
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
dns_compliant_bucket_names = true
auth_pipeline_check = true
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
allow_async_delete = true
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""

ACCESS_KEY, SECRET_KEY = "test:tester", "testing"


def swift(parent, servers):
    programs = TOOLS / "swift/bin"
    if not (programs / "swift-proxy-server").exists():
        raise Problem("Swift is not installed: run scripts/install-test-tools test.")
    if not shutil.which("memcached"):
        raise Problem("memcached, which Swift needs, is not installed: run scripts/install-test-tools test.")
    folder = parent / "swift"
    devices = folder / "devices"
    for name in ["etc", "cache"]:
        (folder / name).mkdir(parents=True)
    (devices / "d1").mkdir(parents=True)
    (folder / "etc/swift.conf").write_text(HASHES)
    user = getpass.getuser()
    kinds = ["object", "container", "account"]
    *ports, port, memcached = free_ports(len(kinds) + 2)

    def builder(*words):
        done = subprocess.run(
            [programs / "swift-ring-builder", *words],
            cwd=folder / "etc", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        # 1 is a warning: one device is no place for replicas.
        if done.returncode not in (0, 1):
            raise Problem(f"swift-ring-builder failed: {done.stdout.strip()[-500:]}")

    def daemon(name, *command):
        environment = {"SWIFT_DIR": str(folder / "etc")}
        server = Server(name, parent, command, environment)
        servers.append(server)
        return server

    daemon("memcached", "memcached", "-l", "127.0.0.1", "-p", str(memcached), "-U", "0", "-m", "32", "-u", user)
    for kind, at in zip(kinds, ports):
        builder(f"{kind}.builder", "create", "4", "1", "0")
        builder(f"{kind}.builder", "add", f"r1z1-127.0.0.1:{at}/d1", "1")
        builder(f"{kind}.builder", "rebalance")
        configuration = folder / f"etc/{kind}-server.conf"
        configuration.write_text(STORE.format(folder=folder, devices=devices, port=at, kind=kind, user=user))
        daemon(f"swift-{kind}", programs / f"swift-{kind}-server", configuration)
    configuration = folder / "etc/proxy-server.conf"
    configuration.write_text(PROXY.format(folder=folder, port=port, memcached=memcached, user=user))
    proxy = daemon("swift-proxy", programs / "swift-proxy-server", configuration)
    url = f"http://127.0.0.1:{port}"
    proxy.wait_until(lambda: bucket_ready(url, ACCESS_KEY, SECRET_KEY))
    return url, ACCESS_KEY, SECRET_KEY
