"""A log that nobody reads, and how much of it strangers can have written."""

import contextlib
import select
import sys
import time

from client import login
from rows import FAILURES, Row, Times, verdict
from strangers import Crowd, connect, heard, say_line

CONFIGURATION = """
backends: { memory: { kind: memory } }
users: [ { name: good, password: open sesame, plain: true, backend: memory } ]
"""
# A pipe holds 64 KiB, and a login, a directory and the end of a session are some lines of 200 bytes and more.
SESSIONS = 400
# More lines in each second are more than an operator wants from one stranger.
MOST_LINES = 20


def strangers(say, address):
    """Causes as many lines as it can: sessions beyond the limit, logins and handshakes that fail."""
    held = [connect(address) for _ in range(64)]
    events = 0
    say("ready")
    while True:
        for attempt in (refused, guesses, shakes_no_hands):
            with contextlib.suppress(OSError):
                attempt(address)
                events += 1
        if select.select([sys.stdin], [], [], 0)[0]:
            if not heard():
                break
            say(events)
    for connection in held:
        connection.close()


def refused(address):
    with connect(address, patience=2) as connection:
        connection.recv(4096)


def guesses(address):
    with connect(address, "127.0.8.1", 2) as connection:
        connection.recv(4096)
        say_line(connection, "USER nobody")
        connection.sendall(b"PASS wrong\r\n")


def shakes_no_hands(address):
    with connect(address, "127.0.8.2", 2) as connection:
        connection.recv(4096)
        say_line(connection, "AUTH TLS")
        connection.sendall(b"this is no handshake\r\n")
        connection.recv(4096)


def fill(server):
    """Lets the good client cause lines, until one of its sessions hangs or there are enough."""
    for number in range(SESSIONS):
        try:
            client = login(server, patience=20)
            client.mkd(f"directory-{number}")
            client.quit()
        except FAILURES:
            return number
    return SESSIONS


def unread(bench):
    count = 5
    with bench.server(CONFIGURATION, unread_log=True) as server:
        client = login(server, patience=10)

        def ask_health():
            assert server.get("/livez")[0] == 200

        idle = Times.of(count, client.noop), Times.of(count, ask_health)
        sessions = fill(server)
        attacked = Times.of(count, client.noop), Times.of(count, ask_health)
    return Row(
        "log", f"nobody reads standard error, a pipe, while {SESSIONS} sessions have lines written",
        f"NOOP {idle[0]}, `/livez` {idle[1]}",
        f"{sessions} of {SESSIONS} sessions came to their end; NOOP {attacked[0]}, `/livez` {attacked[1]}",
        verdict(sessions == SESSIONS, attacked[0].are_as_on(idle[0]), attacked[1].are_as_on(idle[1])))


def written(bench):
    seconds = 2 if bench.quick else 10
    tls = f"tls: {{ mode: optional, {bench.certificate()} }}"
    with bench.server(tls + CONFIGURATION) as server:
        client = login(server, source="127.0.9.1")
        idle = Times.of(5, client.noop)
        with Crowd("log", address=server.address) as crowd:
            # The first lines have to be written, so that operators see the attack.
            time.sleep(1)
            begun, events, size, lines = time.monotonic(), crowd.ask("count"), *log_of(server)
            noops = Times.of(5, client.noop)
            time.sleep(seconds)
            passed, events = time.monotonic() - begun, crowd.ask("count") - events
            more, more_lines = log_of(server)
    rate = (more_lines - lines) / passed
    a_day = (more - size) / passed * 86400 / 1e6
    return Row(
        "log", f"strangers cause {events / passed:.0f} events a second: refused sessions, failed logins and handshakes",
        f"NOOP {idle}", f"NOOP {noops}; {rate:.1f} lines a second, {a_day:.0f} MB a day",
        verdict(noops.are_as_on(idle), rate <= MOST_LINES, events > 2 * MOST_LINES * passed))


def log_of(server):
    text = server.log.read_bytes()
    return len(text), text.count(b"\n")


def run(bench):
    return [unread(bench), written(bench)]
