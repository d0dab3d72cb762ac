"""A disk that no longer answers, such as a network file system whose server is gone: users of other disks must not notice.

The disk is tests/disks/fuse_disk.py in a mount namespace of the server alone; it hangs when its process is stopped.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

from bench import trusting, wait_until
from client import Client, login
from rows import FAILURES, NOT_PERMITTED, Row, Times, show, took, verdict
from strangers import Crowd, enter, hang_up, heard

FUSE = pathlib.Path(__file__).resolve().parents[3] / "tests/disks/fuse_disk.py"
SESSIONS = 600
PATIENCE = 10
TRIED = f"a disk (FUSE) hangs while {SESSIONS} sessions make directories there"
CONFIGURATION = """
backends:
  hung: {{ kind: local, root: {hung} }}
  other: {{ kind: local, root: {other} }}
users:
  - {{ name: of-hung, password: open sesame, plain: true, backend: hung }}
  - {{ name: good, password: open sesame, plain: true, backend: other }}
"""


def strangers(say, address):
    sessions = enter(address, SESSIONS, "of-hung", "open sesame")
    say(len(sessions))
    heard()
    for number, connection in enumerate(sessions):
        connection.sendall(f"MKD directory-{number}\r\n".encode())
    say("asked")
    hang_up(say, sessions)


def in_a_namespace(behind, mount):
    rights = "--mount" if os.getuid() == 0 else "--map-root-user"
    return ["unshare", rights, "--mount", sys.executable, FUSE, behind, mount, "--"]


class Disk:
    """The process that serves the disk: the server's only child."""

    def __init__(self, server):
        with open(f"/proc/{server.pid}/task/{server.pid}/children") as children:
            [self.pid] = map(int, children.read().split())

    def hang(self):
        os.kill(self.pid, signal.SIGSTOP)

    def answer(self):
        os.kill(self.pid, signal.SIGCONT)


def threads(server):
    with open(f"/proc/{server.pid}/status") as status:
        return next(line for line in status if line.startswith("Threads:"))


def wait_for_all_to_wait(server):
    """Until the server starts no more threads."""
    before = None
    deadline = time.monotonic() + 30
    while before != threads(server) and time.monotonic() < deadline:
        before = threads(server)
        time.sleep(1)


class Good:
    def __init__(self, server):
        self.server = server
        self.client = login(server, patience=PATIENCE)

    def list(self):
        lines = []
        self.client.retrlines("LIST", lines.append)
        if not any("file" in line for line in lines):
            raise EOFError("the file is not in the listing")

    def shake_hands(self):
        client = Client(self.server.address, tls=trusting(), patience=PATIENCE)
        client.auth()
        client.voidcmd("NOOP")
        client.close()

    def ready(self):
        return self.server.get("/readyz", PATIENCE)[1]

    def is_told(self):
        """Whether /readyz names the disk."""
        try:
            return "backend hung" in self.ready()
        except FAILURES:
            return False

    def measure(self):
        """Times of LIST, a handshake and /readyz; after a hang there is no third attempt."""
        times = []
        for action in (self.list, self.shake_hands, self.ready):
            first = took(action)
            times.append(Times([first] if first > PATIENCE else [first] + Times.of(2, action).seconds))
        return times


def run(bench):
    behind, mount, other = bench.place(), bench.place(), bench.place()
    (other / "file").write_bytes(b"12345")
    wrapper = in_a_namespace(behind, mount)
    tried = subprocess.run([*wrapper, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        print(f"disk: {tried.stderr.strip()}", file=sys.stderr)
        return [Row("disk", TRIED, "", "", NOT_PERMITTED)]
    rest = f"tls: {{ mode: optional, {bench.certificate()} }}" + CONFIGURATION.format(hung=mount, other=other)
    limits = f"sessions_per_ip: {2 * SESSIONS}"
    with bench.server(rest, limits=limits, wrapper=wrapper) as server:
        return [attack(server, Disk(server))]


def attack(server, disk):
    good = Good(server)
    idle = good.measure()
    with Crowd("disk", address=server.address) as crowd:
        disk.hang()
        try:
            crowd.ask("make directories")
            wait_for_all_to_wait(server)
            attacked = good.measure()
            is_told = wait_until(good.is_told, 30)
            crowd.ask("leave")
            left = took(lambda: wait_until(lambda: sessions(server) <= 1, 30))
            remaining = sessions(server)
        finally:
            disk.answer()
    gone = f"all their sessions ended within {show(left)}"
    if remaining > 1:
        gone = f"{remaining:.0f} sessions were left {show(left)} later"
    return Row(
        "disk", TRIED,
        "on another disk, LIST {}, a TLS handshake {}, `/readyz` {}".format(*idle),
        "LIST {}, handshake {}, `/readyz` {}".format(*attacked)
        + f", and it {'names' if is_told else 'does not name'} the disk; after the hang-up {gone}",
        verdict(*(now.are_as_on(before) for now, before in zip(attacked, idle)), is_told, remaining <= 1))


def sessions(server):
    """The open ports, as far as the server reports them."""
    try:
        return server.metric("wharf_sessions_open")
    except FAILURES:
        return float("inf")
