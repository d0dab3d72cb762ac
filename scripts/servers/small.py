"""Stores of one program each: rclone, s3s-fs and Garage."""

import secrets
import subprocess

from .common import ACCESS_KEY, BUCKET, SECRET_KEY, TOOLS, Problem, Server, bucket_ready, free_ports


def program(path, name, installed_by):
    found = TOOLS / path
    if not found.exists():
        raise Problem(f"{name} is not installed: run scripts/install-test-tools {installed_by}.")
    return found


def rclone(parent, servers):
    binary = program("clients/bin/rclone", "rclone", "test")
    folder = parent / "rclone"
    (folder / BUCKET).mkdir(parents=True)
    [port] = free_ports(1)
    server = Server(
        "rclone",
        parent,
        [binary, "serve", "s3", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}"]
        + ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", folder],
    )
    servers.append(server)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: bucket_ready(url))
    return url, ACCESS_KEY, SECRET_KEY


def s3s_fs(parent, servers):
    binary = program("s3s-fs/bin/s3s-fs", "s3s-fs", "stores")
    folder = parent / "s3s-fs"
    folder.mkdir()
    [port] = free_ports(1)
    server = Server(
        "s3s-fs",
        parent,
        [binary, "--host", "127.0.0.1", "--port", str(port), "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
        + [folder],
    )
    servers.append(server)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: bucket_ready(url))
    return url, ACCESS_KEY, SECRET_KEY


GARAGE = """
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "lmdb"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:{port}"
"""


def garage(parent, servers):
    binary = program("garage/bin/garage", "Garage", "stores")
    folder = parent / "garage"
    folder.mkdir()
    port, rpc = free_ports(2)
    configuration = folder / "garage.toml"
    configuration.write_text(GARAGE.format(folder=folder, port=port, rpc=rpc, secret=secrets.token_hex(32)))
    server = Server("garage", parent, [binary, "--config", configuration, "server"])
    servers.append(server)

    def run(*words):
        command = [binary, "--config", configuration, *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def told(*words):
        done = run(*words)
        if done.returncode != 0:
            raise Problem(f"garage {' '.join(words)} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def answers():
        done = run("node", "id", "--quiet")
        up = run("status")
        return None if done.returncode == 0 and up.returncode == 0 else up.stderr.strip()[-200:]

    server.wait_until(answers)
    node = told("node", "id", "--quiet").split("@")[0].strip()
    told("layout", "assign", "--zone", "here", "--capacity", "10G", node)
    told("layout", "apply", "--version", "1")
    # Its keys have a form of their own.
    access_key, secret_key = "GK" + secrets.token_hex(12), secrets.token_hex(32)
    told("key", "import", "--yes", access_key, secret_key)
    told("key", "allow", "--create-bucket", access_key)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: bucket_ready(url, access_key, secret_key))
    return url, access_key, secret_key
