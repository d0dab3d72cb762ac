"""Stores of one program each: rclone and s3s-fs."""

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
