"""A client that resumes one TLS session again and again: keeps_its_session.py PORT CA VERSION [--no-tickets] [--flood] [--attack]

It uploads and downloads some files, each over a data connection that has to be resumed. With --no-tickets it knows sessions by
their ids alone (TLS 1.2), with --flood many others shake hands meanwhile, and with --attack each further data connection is
tried first by somebody of the same address without the session.
"""

import argparse
import ftplib
import io
import socket
import ssl

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("ca")
arguments.add_argument("version", choices=["1.2", "1.3"])
arguments.add_argument("--no-tickets", action="store_true")
arguments.add_argument("--flood", action="store_true")
arguments.add_argument("--attack", action="store_true")
options = arguments.parse_args()


def context():
    new = ssl.create_default_context(cafile=options.ca)
    new.minimum_version = new.maximum_version = (
        ssl.TLSVersion.TLSv1_2 if options.version == "1.2" else ssl.TLSVersion.TLSv1_3
    )
    if options.no_tickets:
        new.options |= ssl.OP_NO_TICKET
    return new


attacks = False


class Client(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        host, port = self.makepasv()
        attacker = socket.create_connection((host, port), 30) if attacks else None
        connection = socket.create_connection((host, port), 30)
        if attacker:
            attacker = context().wrap_socket(attacker, server_hostname="localhost")
        reply = self.sendcmd(cmd)
        assert reply.startswith("150"), reply
        connection = self.context.wrap_socket(connection, server_hostname="localhost", session=self.sock.session)
        assert connection.session_reused, cmd
        if attacker:
            try:
                assert attacker.recv(1000) == b"", "the attacker got something"
            except OSError:
                pass
        return connection, None


ftp = Client(context=context(), timeout=60)
ftp.connect("localhost", options.port)
ftp.login("demo", "demo")
ftp.prot_p()
if options.flood:
    others = context()
    for _ in range(600):
        with socket.create_connection(("localhost", options.port)) as other:
            lines = other.makefile("rb")
            lines.readline()
            other.sendall(b"AUTH TLS\r\n")
            lines.readline()
            others.wrap_socket(other, server_hostname="localhost").close()
for number in range(6):
    # By then it has shown that it always resumes.
    attacks = options.attack and number > 1
    content = bytes([number]) * 50_000
    ftp.storbinary(f"STOR file {number}", io.BytesIO(content))
    found = io.BytesIO()
    ftp.retrbinary(f"RETR file {number}", found.write)
    assert found.getvalue() == content, number
ftp.quit()
