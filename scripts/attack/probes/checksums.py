"""Checksums of a large file, asked for by sessions that hang up: the work has to end with them, and to leave room for others."""

import time

from bench import wait_until
from client import login
from rows import Row, Times, show, took, verdict
from strangers import Crowd, enter, hang_up

SIZE = 60 << 30
SESSIONS = 60
# The share of one core that an idle server may take.
QUIET = 0.3


def strangers(say, address):
    sessions = enter(address, SESSIONS, "anonymous", "x@example.com")
    for connection in sessions:
        connection.sendall(b"XSHA512 large\r\n")
    say(len(sessions))
    hang_up(say, sessions)


def cores(server, seconds=1):
    """How many cores it keeps busy."""
    begun, before = time.monotonic(), server.cpu()
    time.sleep(seconds)
    return (server.cpu() - before) / (time.monotonic() - begun)


class Good:
    def __init__(self, server):
        self.server = server
        self.client = login(server, "good", source="127.0.9.1")
        self.users = iter(range(100))

    def measure(self, count=3):
        """Logins, each of another user, and NOOPs."""
        logins = Times.of(count, lambda: login(self.server, f"good-{next(self.users)}", source="127.0.9.1").close())
        return logins, Times.of(5 * count, self.client.noop)


def configuration(bench, files):
    names = ["good"] + [f"good-{number}" for number in range(9)]
    users = "".join(f"  - {{ name: {name}, password: '{bench.hash}', backend: memory }}\n" for name in names)
    return (
        f"backends:\n  disk: {{ kind: local, root: {files} }}\n  memory: {{ kind: memory }}\n"
        f"users:\n{users}anonymous: {{ enabled: true, backend: disk }}\n")


def run(bench):
    files = bench.place()
    with open(files / "large", "wb") as large:
        large.truncate(SIZE)
    with bench.server(configuration(bench, files)) as server:
        good = Good(server)
        idle_logins, idle_noops = good.measure()
        before = server.cpu()
        with Crowd("checksums", address=server.address) as crowd:
            began = wait_until(lambda: server.cpu() - before > 0.5)
            logins, noops = good.measure()
            crowd.ask("leave")
            more_logins, more_noops = good.measure()
            quiet = took(lambda: wait_for_quiet(server))
            left = cores(server)
    logins.seconds += more_logins.seconds
    noops.seconds += more_noops.seconds
    work = f"its work ended within {show(quiet)}" if quiet < 30 else f"{left:.1f} cores still busy {show(quiet)} later"
    return [Row(
        "checksums",
        f"{crowd.heard} anonymous sessions ask for XSHA512 of a file of {SIZE >> 30} GiB, and then hang up",
        f"login of another user {idle_logins}, NOOP {idle_noops}",
        f"login {logins}, NOOP {noops}; after the hang-up {work}",
        verdict(began, logins.are_as_on(idle_logins), noops.are_as_on(idle_noops), left < QUIET))]


def wait_for_quiet(server):
    wait_until(lambda: cores(server, 0.5) < QUIET, 30)
