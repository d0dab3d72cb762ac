"""Sessions that never log in, from one IPv6 network or from very many: clients from elsewhere still have to get in."""

import selectors

from client import Client
from rows import Row, Times, verdict
from strangers import Crowd, connect, heard

GOOD = "2001:db8:ffff::1"


def header(source):
    return f"PROXY TCP6 {source} 2001:db8:eeee::21 4000 21\r\n".encode()


def strangers(say, address, count, one_network):
    """Holds this many sessions, and opens those anew that the server closes, as often as the good client logs in."""
    opened, watched = 0, selectors.DefaultSelector()

    def fill():
        nonlocal opened
        while len(watched.get_map()) < count and opened < budget:
            opened += 1
            source = f"2001:db8::{opened:x}" if one_network else f"2001:db8:{opened >> 16:x}:{opened & 0xFFFF:x}::1"
            connection = connect(address)
            connection.sendall(header(source))
            # The greeting, or the refusal.
            if connection.recv(4096).startswith(b"220"):
                connection.setblocking(False)
                watched.register(connection, selectors.EVENT_READ)
            else:
                connection.close()

    budget = count
    fill()
    say(opened)
    while heard():
        for key, _ in watched.select(0):
            watched.unregister(key.fileobj)
            key.fileobj.close()
        budget += count // 10
        fill()
        say(opened)


def attack(bench, sessions, one_network):
    count = 5 if bench.quick else 10
    proxies = "  proxy_protocol: { trusted: [127.0.0.1] }\n"
    rest = (
        "backends: { memory: { kind: memory } }\n"
        "users: [ { name: good, password: open sesame, plain: true, backend: memory } ]\n")
    with bench.server(rest, server=proxies, limits=f"sessions: {sessions}") as server:
        def enter():
            Client(server.address, header=header(GOOD)).enter().quit()

        idle = Times.of(count, enter)
        with Crowd("networks", address=server.address, count=sessions + sessions // 2, one_network=one_network) as crowd:
            attacked = Times([])
            for _ in range(count):
                attacked.seconds += Times.of(1, enter).seconds
                opened = crowd.ask("more")
        displaced = server.metric("wharf_sessions_displaced_total")
    entered = sum(seconds < 60 for seconds in attacked.seconds)
    networks = "addresses of one /64" if one_network else "networks (/64) of their own"
    return Row(
        "networks", f"{opened} sessions that never log in, from {networks}, on a server with room for {sessions}",
        f"{count} of {count} logins from another network, each {idle}",
        f"{entered} of {count} logins" + (f", each {attacked}" if entered == count else ""),
        verdict(attacked.are_as_on(idle), one_network or displaced > 0))


def run(bench):
    sessions = 200 if bench.quick else 2000
    return [attack(bench, sessions, True), attack(bench, sessions, False)]
