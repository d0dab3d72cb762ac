"""Servers that are attacked: each with a configuration of its own, on free ports, until its block ends."""

import contextlib
import http.client
import json
import os
import random
import select
import signal
import ssl
import subprocess
import time

# The longest wait for anything, in seconds.
PATIENCE = 60
PASSWORD = "open sesame"


class Bench:
    """What all probes share: the program, a folder, whether loads are small, a certificate and the hash of a password."""

    def __init__(self, wharf, folder, quick):
        self.wharf, self.folder, self.quick = wharf, folder, quick
        self.hash = subprocess.run(
            [wharf, "hash-password"], input=f"{PASSWORD}\n", capture_output=True, text=True, check=True).stdout.strip()
        # Each run has an address of its own, so that a search for ports disturbs nobody else on this machine.
        self.host = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"
        self._count = 0
        self._certificate = None

    def certificate(self):
        """The section `tls` without its end, with a certificate that nobody but these clients trusts."""
        if not self._certificate:
            key, certificate = self.folder / "server.key", self.folder / "server.crt"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
                + ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                check=True, capture_output=True)
            self._certificate = f"certificate: {certificate}, key: {key}"
        return self._certificate

    def place(self):
        """An empty folder."""
        self._count += 1
        place = self.folder / str(self._count)
        place.mkdir()
        return place

    @contextlib.contextmanager
    def server(self, rest, *, limits="", server="", unread_log=False, wrapper=()):
        """A server with this configuration behind the section `server`."""
        place = self.place()
        limits = f"  limits: {{ {limits} }}\n" if limits else ""
        text = f'server:\n  listen: ["{self.host}:0"]\n{server}{limits}http: {{ listen: ["127.0.0.1:0"] }}\n{rest}'
        (place / "wharf.yaml").write_text(text)
        command = ["setpriv", "--pdeathsig", "KILL", "--", *wrapper, self.wharf]
        command += ["serve", "--log-format", "json", "--config", place / "wharf.yaml"]
        server = Server(command, place, self.host, unread_log)
        try:
            server.wait_until_it_listens()
            yield server
        finally:
            server.end()


class Server:
    def __init__(self, command, place, host, unread_log):
        self.host = host
        self.log = place / "log"
        self._log_read = b""
        self._pipe = None
        environment = {name: value for name, value in os.environ.items() if name != "RUST_LOG"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if unread_log else log, env=environment, start_new_session=True)
        self.pid = self.process.pid
        self._pipe = self.process.stderr

    def _text(self):
        """The log so far; if it goes to a pipe, the lines that were read until the server listened."""
        if not self._pipe:
            return self.log.read_bytes()
        while select.select([self._pipe], [], [], 0.05)[0]:
            more = os.read(self._pipe.fileno(), 1 << 16)
            self._log_read += more
            if not more:
                break
        return self._log_read

    def wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = dict(addresses(self._text()))
            if len(found) == 2:
                self.address = (self.host, found["listening"])
                self.http = found["health and metrics over HTTP"]
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"attack: the server did not come up:\n{self._text().decode(errors='replace')}")
            time.sleep(0.02)

    def end(self):
        # The server has a session of its own, so that its child processes end with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        if self._pipe:
            self._pipe.close()

    def get(self, path, patience=10):
        """The status and the body of an answer over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=patience)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        raise SystemExit(f"attack: there is no metric {name}")

    def cpu(self):
        """The seconds of processor time that it has taken."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def addresses(log):
    """The ports in lines that say where the server listens, by their messages."""
    for line in log.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            fields = json.loads(line)
            fields = fields.get("fields", fields)
            if fields["message"] in ("listening", "health and metrics over HTTP"):
                yield fields["message"], int(fields["address"].rsplit(":", 1)[1])


def wait_until(is_so, patience=PATIENCE):
    """Waits until the condition holds; returns whether it does."""
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def trusting(version=None):
    """The TLS context of a client, which does not check the certificate: the probes are about other things."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context
