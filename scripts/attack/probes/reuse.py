"""Somebody behind the same address, without an account, shows a TLS 1.2 session of their own on the port of the good client."""

import ssl
import threading

from bench import trusting
from client import login
from rows import Row, Times, took, verdict
from strangers import connect, say_line

CONTENT = b"for the good client alone\n" * 2000
USERS = """
backends:
  disk: {{ kind: local, root: {root} }}
users:
  - {{ name: good, password: open sesame, plain: true, backend: disk }}
"""


class Stranger:
    """Has done AUTH TLS, and nothing else."""

    def __init__(self, server):
        self.host = server.host
        self.context = trusting(ssl.TLSVersion.TLSv1_2)
        control = connect(server.address)
        control.recv(4096)
        say_line(control, "AUTH TLS")
        self.control = self.context.wrap_socket(control)
        say_line(self.control, "NOOP")
        self.tries, self.read, self.waiting = 0, 0, []

    def take(self, port):
        """Connects before the good client does; the rest goes on beside it."""
        connection = connect((self.host, port))
        self.tries += 1
        waiting = threading.Thread(target=self.read_from, args=(connection,), daemon=True)
        waiting.start()
        self.waiting.append(waiting)

    def read_from(self, connection):
        try:
            with self.context.wrap_socket(connection, session=self.control.session) as data:
                if data.recv(1000):
                    self.read += 1
        except OSError:
            pass

    def leave(self):
        for waiting in self.waiting:
            waiting.join(30)
        self.control.close()


def downloads(server, count, on_port=None):
    """The number of downloads that were complete, and their times."""
    seconds, right = [], 0
    client = None
    for _ in range(count):
        # One that has failed begins anew.
        client = client or login(server, tls=trusting(), patience=15)
        client.on_port = on_port
        found = []
        seconds.append(took(lambda: found.append(client.fetch("file"))))
        if found == [CONTENT]:
            right += 1
        else:
            client.close()
            client = None
    return right, Times(seconds)


def run(bench):
    count = 3 if bench.quick else 10
    files = bench.place()
    (files / "file").write_bytes(CONTENT)
    tls = f"tls: {{ mode: required, require_session_reuse: true, {bench.certificate()} }}"
    with bench.server(tls + USERS.format(root=files)) as server:
        right, idle = downloads(server, count)
        stranger = Stranger(server)
        try:
            attacked_right, attacked = downloads(server, count, stranger.take)
        finally:
            stranger.leave()
    return [Row(
        "reuse",
        f"`require_session_reuse: true`: somebody without a login, at the same address, knows the port, is first, and resumes "
        f"a TLS 1.2 session of a control connection of their own: {stranger.tries} times",
        f"{right} of {count} downloads right, each {idle}",
        f"{attacked_right} of {count} right, each {attacked}; the stranger read {stranger.read}",
        verdict(right == count, attacked_right == count, stranger.read == 0, stranger.tries >= count),
    )]
