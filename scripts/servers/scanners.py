"""Scanners with signatures of our own: the daemon of ClamAV, and c-icap with such a daemon behind it.

They know the test file of EICAR, and MARK and LINES anywhere in a file. Nothing is fetched from anywhere, and with so few
signatures the daemon takes 20 MB.
"""

import os
import pathlib
import shutil
import socket

from .common import Problem, Server, free_ports

# In two parts: scanners of those who work on this would find it here.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-" + "TEST-FILE!$H+H*"
MARK = "wharf-finds-this-mark"
# With a line end as in a file, and not as on the wire.
LINES = "wharf-first-line\nwharf-second-line"
# The daemon takes no larger file.
MOST = "4M"


def program(name):
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        raise Problem(f"{name} is not installed: run scripts/install-test-tools test.")
    return found


def clamd(parent, servers, name="clamd"):
    folder = parent / name
    database = folder / "database"
    database.mkdir(parents=True)
    (database / "wharf.ndb").write_text(
        f"Wharf.Test.Eicar:0:0:{EICAR.encode().hex()}\n"
        f"Wharf.Test.Mark:0:*:{MARK.encode().hex()}\nWharf.Test.Lines:0:*:{LINES.encode().hex()}\n"
    )
    [port] = free_ports(1)
    path = folder / "clamd.sock"
    settings = {
        "DatabaseDirectory": database,
        "TCPSocket": port,
        "TCPAddr": "127.0.0.1",
        "LocalSocket": path,
        "Foreground": "yes",
        "TemporaryDirectory": folder,
        "StreamMaxLength": MOST,
        "MaxThreads": 4,
        "SelfCheck": 0,
    }
    if os.getuid() == 0:
        settings["User"] = "root"
    configuration = folder / "clamd.conf"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    server = Server(name, parent, [program("clamd"), "-c", configuration])
    servers.append(server)
    server.wait_until(lambda: spoken(port, b"zPING\0", b"PONG"))
    return f"tcp://127.0.0.1:{port}", f"unix:{path}", MOST


def c_icap(parent, servers):
    _, path, _ = clamd(parent, servers, "clamd-of-c-icap")
    folder = parent / "c-icap"
    folder.mkdir()
    modules = sorted(pathlib.Path("/usr/lib").glob("*/c_icap/virus_scan.so"))
    if not modules:
        raise Problem("c-icap's virus_scan is not installed: run scripts/install-test-tools test.")
    [port] = free_ports(1)
    settings = {
        "PidFile": folder / "pid",
        "CommandsSocket": folder / "control",
        "StartServers": 1,
        "MaxServers": 1,
        "MinSpareThreads": 2,
        "MaxSpareThreads": 8,
        "ThreadsPerChild": 8,
        "Port": f"127.0.0.1:{port}",
        "TmpDir": folder,
        "ModulesDir": modules[0].parent,
        "ServicesDir": modules[0].parent,
        "TemplateDir": "/usr/share/c_icap/templates/",
        "TemplateDefaultLanguage": "en",
        "LoadMagicFile": "/etc/c-icap/c-icap.magic",
        "ServerLog": folder / "server.log",
        "AccessLog": folder / "access.log",
        "Service antivirus_module": "virus_scan.so",
        "ServiceAlias avscan": "virus_scan?allow204=on&sizelimit=off&mode=simple",
        "virus_scan.ScanFileTypes": "TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE",
        "virus_scan.MaxObjectSize": "100M",
        "Module common": "clamd_mod.so",
        "clamd_mod.ClamdSocket": path.removeprefix("unix:"),
        "virus_scan.DefaultEngine": "clamd",
    }
    configuration = folder / "c-icap.conf"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    server = Server("c-icap", parent, [program("c-icap"), "-N", "-f", configuration])
    servers.append(server)
    # It answers before it has its engine, and says then that everything is clean.
    question, page = b"GET http://a.invalid/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    places = f"req-hdr=0, res-hdr={len(question)}, res-body={len(question) + len(page)}"
    head = f"RESPMOD icap://127.0.0.1:{port}/avscan ICAP/1.0\r\nHost: 127.0.0.1\r\nAllow: 204\r\nEncapsulated: {places}\r\n\r\n"
    body = f"{len(EICAR):x}\r\n{EICAR}\r\n0\r\n\r\n"
    server.wait_until(lambda: spoken(port, head.encode() + question + page + body.encode(), b"X-Infection-Found"))
    return f"icap://127.0.0.1:{port}/avscan", f"icap://127.0.0.1:{port}/virus_scan", ""


def spoken(port, question, answer):
    """Why the answer to a question does not hold this; None if it does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(question)
            found = connection.recv(4096)
    except OSError as error:
        return str(error)
    return None if answer in found else f"it answers {found[:200]!r}"
