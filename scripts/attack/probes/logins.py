"""Passwords from strangers, which take a core for tens of milliseconds each: other clients still have to get their turns."""

import itertools

from bench import PATIENCE
from client import login
from rows import ROOM, Row, Times, verdict
from strangers import Crowd, connect, heard, say_line

GOOD = "127.0.9.1"


def ask(address, source):
    connection = connect(address, source)
    connection.recv(4096)
    say_line(connection, "USER victim")
    return connection


def strangers(say, address, networks, of_each, stays):
    """Each sends a wrong password, all at once if they stay."""
    sources = [f"127.0.8.{number + 1}" for number in range(networks)] * of_each
    waiting, refused = [], 0
    for source in sources:
        try:
            connection = ask(address, source)
            if not stays:
                connection.sendall(b"PASS wrong\r\n")
                connection.close()
            else:
                waiting.append(connection)
        except OSError:
            refused += 1
    for connection in waiting:
        connection.sendall(b"PASS wrong\r\n")
    say(len(sources) - refused)
    heard()


def logins(server, users, count):
    """A password that was right before would need no check, so each login is of another user."""

    def enter():
        login(server, next(users), source=GOOD, patience=PATIENCE).close()

    return Times.of(count, enter)


def attack(bench, networks, of_each, stays):
    count = 3
    users = "".join(
        f"  - {{ name: {name}, password: '{bench.hash}', backend: memory }}\n"
        for name in ["victim"] + [f"good-{number}" for number in range(2 * count)])
    with bench.server(f"backends: {{ memory: {{ kind: memory }} }}\nusers:\n{users}") as server:
        names = (f"good-{number}" for number in itertools.count())
        idle = logins(server, names, count)
        with Crowd("logins", address=server.address, networks=networks, of_each=of_each, stays=stays) as crowd:
            attacked = logins(server, names, count)
    # Each network may have one turn before, which takes as long as a login.
    held = verdict(attacked.worst <= ROOM + (20 + 2 * networks) * idle.median, crowd.heard > networks * of_each / 2)
    what = "wait for the answer" if stays else "each send USER and a wrong PASS, and hang up"
    return Row(
        "logins", f"{crowd.heard} sessions from {networks} addresses {what}",
        f"a login from another address takes {idle}", str(attacked), held)


def run(bench):
    networks, of_each = (10, 64) if bench.quick else (50, 64)
    return [attack(bench, 10, 64, False), attack(bench, networks, of_each, True)]
