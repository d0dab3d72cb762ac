"""Somebody behind the same address looks for the ports of the good client, and connects to them before it does."""

import random
import select
import socket
import sys
import threading
import time

from bench import trusting
from client import login
from probes.reuse import USERS
from rows import FAILURES, TOLD, Row, Times, show, took, verdict
from strangers import Crowd, heard

PORTS = range(61000, 62000)
# The time between the answer with the port and the connection of a client far away.
DELAY = 0.02
EVIL = b"not what the good client stored\n" * 40
# How many ports the slower strangers try.
KNOWN = 64
# More would only get into each other's way.
AT_ONCE = 100


class Scanner:
    """Connects to its ports again and again; an open port gets bytes, if the good client stores, and is read to its end."""

    def __init__(self, host, tls, stores):
        self.host = host
        self.context = trusting() if tls else None
        self.stores, self.read, self.connected = stores, [], 0
        self.open = set()

    def look(self, ports):
        for port in ports:
            if port in self.open or len(self.open) >= AT_ONCE:
                continue
            connection = socket.socket()
            connection.settimeout(20)
            if connection.connect_ex((self.host, port)) != 0:
                connection.close()
                continue
            self.open.add(port)
            self.connected += 1
            threading.Thread(target=self.take, args=(port, connection), daemon=True).start()

    def take(self, port, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection)
            if self.stores:
                connection.sendall(EVIL)
                if self.context:
                    connection = connection.unwrap()
                connection.shutdown(socket.SHUT_WR)
            if found := connection.recv(100):
                self.read.append(found.split(b"\n")[0].decode(errors="replace"))
        except OSError:
            pass
        finally:
            connection.close()
            self.open.discard(port)


def strangers(say, ports, **arguments):
    scanner = Scanner(**arguments)
    say("ready")
    while not select.select([sys.stdin], [], [], 0.0005)[0]:
        scanner.look(ports)
    heard()
    # All replies that have come are read by then.
    time.sleep(0.2)
    say({"read": scanner.read, "connected": scanner.connected})


def open_ports(server):
    """The ports that are open beforehand, and others to make them 64."""
    found = []
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex((server.host, port)) == 0:
                found.append(port)
    found = found[:KNOWN]
    return found + random.sample([port for port in PORTS if port not in found], KNOWN - len(found))


class Transfers:
    """Transfers of the good client, and their results."""

    def __init__(self, server, files, tls):
        self.server, self.files, self.tls = server, files, tls
        self.client, self.delay = None, DELAY

    def one(self, action):
        if not self.client:
            context = trusting() if self.tls else None
            self.client = login(self.server, tls=context, patience=15, on_port=lambda _: time.sleep(self.delay))
            # It has shown that it resumes.
            self.client.voidcmd("NOOP")
        try:
            return action(self.client)
        except FAILURES:
            self.client.close()
            self.client = None
            raise

    def downloads(self, count):
        """How many were right, and the seconds of each."""
        right, seconds = 0, []
        for number in range(count):
            (self.files / f"file-{number}").write_bytes(content(number))
            found = []
            seconds.append(took(lambda: found.append(self.one(lambda client: client.fetch(f"file-{number}")))))
            right += found == [content(number)]
        return right, seconds

    def uploads(self, count):
        """The same, and how many were replaced."""
        right, replaced, seconds = 0, 0, []
        for number in range(count):
            name = f"upload-{random.randrange(1 << 40)}"
            seconds.append(took(lambda: self.one(lambda client: client.store(name, content(number)))))
            stored = self.files / name
            stored = stored.read_bytes() if stored.exists() else b""
            right += stored == content(number)
            replaced += EVIL in stored
        return right, replaced, seconds


def content(number):
    return f"file {number} of the good client\n".encode() * 100


class Outcome:
    """Some downloads and uploads, with strangers or without."""

    def __init__(self, transfers, count, ports):
        self.count, self.read, self.replaced, self.connected = count, 0, 0, 0
        tls = transfers.tls
        if not ports:
            self.right, seconds = transfers.downloads(count)
            self.stored, _, more = transfers.uploads(count)
        else:
            with Crowd("scan", host=transfers.server.host, tls=tls, stores=False, ports=ports) as crowd:
                self.right, seconds = transfers.downloads(count)
                told = crowd.ask("end")
                self.read = len({line for line in told["read"] if line.startswith("file")})
                self.connected += told["connected"]
            with Crowd("scan", host=transfers.server.host, tls=tls, stores=True, ports=ports) as crowd:
                self.stored, self.replaced, more = transfers.uploads(count)
                self.connected += crowd.ask("end")["connected"]
        self.times = Times(seconds + more)

    def __str__(self):
        count = self.count
        return f"{self.right} of {count} downloads and {self.stored} of {count} uploads right, {show(self.times.median)} each"

    def taken(self):
        return f"{self}; strangers connected {self.connected} times, read {self.read} and replaced {self.replaced}"

    def is_right(self):
        return self.right == self.stored == self.count


def run(bench):
    files = bench.place()
    count = 6 if bench.quick else 20
    rows = []
    with bench.server(USERS.format(root=files)) as server:
        transfers = Transfers(server, files, tls=False)
        idle = Outcome(transfers, count, [])
        # A server that keeps the ports that it has used has as many of them now as it ever will.
        transfers.delay = 0
        transfers.uploads(2 * KNOWN)
        transfers.delay = DELAY
        few = Outcome(transfers, count, open_ports(server))
        many = Outcome(transfers, count, list(PORTS))
    scanned = "somebody at the same address connects to {} again and again: {} {} transfers, "
    scanned += f"whose client connects {DELAY * 1000:.0f} ms after it was told the port"
    rows.append(Row(
        "scan", scanned.format("64 ports, first to those that were open before,", 2 * count, "plain"),
        str(idle), few.taken(),
        # By chance it is 6 of 100.
        verdict(idle.is_right(), few.connected > 0, few.read + few.replaced <= count)))
    rows.append(Row(
        "scan", scanned.format("all 1000 ports", 2 * count, "plain") + "; only the network protects",
        str(idle), many.taken(), TOLD))
    count = 3 if bench.quick else 10
    with bench.server(f"tls: {{ mode: required, {bench.certificate()} }}" + USERS.format(root=files)) as server:
        transfers = Transfers(server, files, tls=True)
        idle = Outcome(transfers, count, [])
        # On a busy machine, strangers may be too slow for so few transfers.
        for _ in range(5):
            attacked = Outcome(transfers, count, list(PORTS))
            if attacked.connected:
                break
    rows.append(Row(
        "scan", scanned.format("all 1000 ports", 2 * count, "TLS"),
        str(idle), attacked.taken(),
        verdict(idle.is_right(), attacked.is_right(), attacked.read == attacked.replaced == 0,
                attacked.connected > 0)))
    return rows
