"""PostgreSQL and MariaDB, each with a database user `wharf` and a certificate for `localhost` of an authority of its own.

Neither runs as root, so root starts them as `nobody`, who has nothing else. Nothing is kept, so nothing is synced.
"""

import os
import pathlib
import shutil
import subprocess

from .common import Problem, Server, free_ports

PASSWORD = "p@ss w/rd"
AUTHORITY = "ca.pem"


def owner():
    """What goes before a command so that it runs as somebody else; the signal is lost with the change."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--pdeathsig", "KILL", "--"]


def run(*command, text=None):
    done = subprocess.run(
        command, input=text, stdin=None if text else subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise Problem(f"{command} failed: {done.stderr.strip()[-500:]}")


def own_folder(parent, name):
    """A folder of the one who runs the server, who has to get there."""
    parent.chmod(0o711)
    folder = parent / name
    folder.mkdir(mode=0o700)
    certificates(folder)
    if os.getuid() == 0:
        for path in [folder, *folder.iterdir()]:
            shutil.chown(path, "nobody", "nogroup")
    return folder


def certificates(folder):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca, ca_key, request = folder / AUTHORITY, folder / "ca.key", folder / "request.pem"
    run("openssl", "req", "-x509", *key, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=databases")
    run("openssl", "req", *key, "-keyout", folder / "server.key", "-out", request, "-subj", "/CN=localhost")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n")
    run(
        *["openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2"],
        *["-extfile", extensions, "-out", folder / "server.pem"],
    )
    (folder / "server.key").chmod(0o600)


def postgresql(parent, servers):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise Problem("PostgreSQL is not installed: run scripts/install-test-tools test.")
    programs = found[-1].parent
    folder = own_folder(parent, "postgresql")
    data = folder / "data"
    [port] = free_ports(1)
    run(
        *[*owner(), programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
        *["--locale=C.UTF-8", "--encoding=UTF8"],
    )
    (data / "pg_hba.conf").write_text("local all all trust\nhost all wharf 127.0.0.1/32 scram-sha-256\n")
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "16MB",
        # In its folder, so that nothing is left of it in any case.
        "dynamic_shared_memory_type": "mmap",
        "ssl": "on",
        "ssl_cert_file": folder / "server.pem",
        "ssl_key_file": folder / "server.key",
    }
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    server = Server("postgresql", parent, [*owner(), programs / "postgres", "-D", data, *options])
    servers.append(server)
    client = [programs / "psql", "-h", folder, "-p", port, "-U", "postgres", "-d", "postgres", "-X", "-q", "-A", "-t"]
    client = [str(word) for word in [*client, "-v", "ON_ERROR_STOP=1"]]
    return up(server, client, f"CREATE ROLE wharf LOGIN PASSWORD '{PASSWORD}';", port, folder)


def mariadb(parent, servers):
    for program in ["mariadbd", "mariadb-install-db", "mariadb"]:
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            raise Problem(f"MariaDB's {program} is not installed: run scripts/install-test-tools test.")
    folder = own_folder(parent, "mariadb")
    data, socket = folder / "data", folder / "mariadb.sock"
    [port] = free_ports(1)
    small = ["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--key-buffer-size=1M"]
    run(
        *[*owner(), "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", *small],
        "--auth-root-authentication-method=normal",
    )
    options = [
        f"--datadir={data}", f"--socket={socket}", f"--port={port}", "--bind-address=127.0.0.1",
        f"--pid-file={folder}/pid", f"--ssl-ca={folder}/{AUTHORITY}", f"--ssl-cert={folder}/server.pem",
        f"--ssl-key={folder}/server.key", "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF",
    ]
    binary = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    server = Server("mariadb", parent, [*owner(), binary, "--no-defaults", *small, *options])
    servers.append(server)
    client = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root", "--batch", "--skip-column-names"]
    user = f"CREATE USER wharf@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO wharf@'%';"
    return up(server, client, user, port, folder)


def up(server, client, sql, port, folder):
    """Waits for the server and makes its user. The answer: its address, the client as one line, and the authority."""

    def ready():
        try:
            run(*client, text="SELECT 1;")
        except Problem as problem:
            return str(problem)
        return None

    server.wait_until(ready)
    run(*client, text=sql)
    # Whoever runs the tests reads it.
    folder.chmod(0o755)
    return f"127.0.0.1:{port}", " ".join(client), str(folder / AUTHORITY)
