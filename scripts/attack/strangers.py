"""Crowds of strangers: processes of their own, so that only the server's work for them can slow the good client down.

A process calls `strangers` of its probe's module, which says one line when it is ready, and then one for each line that it hears.
It ends when its standard input does.
"""

import importlib
import json
import pathlib
import select
import socket
import subprocess
import sys

from bench import PATIENCE


class Crowd:
    """In a `with` block: starts, waits until the strangers are ready, and ends them with the block."""

    def __init__(self, probe, **arguments):
        folder = pathlib.Path(__file__).resolve().parent
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, folder, "--strangers", probe, json.dumps(arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def __enter__(self):
        try:
            self.heard = self.hear()
        except BaseException:
            self.__exit__()
            raise
        return self

    def hear(self):
        if not select.select([self.process.stdout], [], [], 2 * PATIENCE)[0]:
            raise SystemExit("attack: the strangers did nothing")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("attack: the strangers ended")
        return json.loads(line)

    def ask(self, word):
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()
        return self.hear()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def be_strangers(probe, arguments):
    """The process."""

    def say(what):
        print(json.dumps(what), flush=True)

    arguments = {name: tuple(value) if name == "address" else value for name, value in json.loads(arguments).items()}
    importlib.import_module(f"probes.{probe}").strangers(say, **arguments)


def heard():
    """The next word, or nothing when the strangers are to end."""
    return sys.stdin.readline().strip()


def connect(address, source="127.0.0.1", patience=PATIENCE):
    return socket.create_connection(address, patience, (source, 0))


def enter(address, count, name, password):
    """Logged-in sessions."""
    sessions = []
    for _ in range(count):
        connection = connect(address)
        connection.recv(4096)
        say_line(connection, f"USER {name}")
        say_line(connection, f"PASS {password}")
        sessions.append(connection)
    return sessions


def hang_up(say, sessions):
    """When the probe says so."""
    heard()
    for connection in sessions:
        connection.close()
    say("gone")
    heard()


def say_line(connection, line):
    """Sends a line and waits for some answer."""
    connection.sendall(line.encode() + b"\r\n")
    return connection.recv(4096)
