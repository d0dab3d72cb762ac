"""The good client: Python's ftplib, which resumes its TLS session as FileZilla and lftp do."""

import ftplib
import io

from bench import PASSWORD, trusting


class Client(ftplib.FTP_TLS):
    """`on_port` is called with each port in an answer to PASV, before the client connects to it."""

    def __init__(self, address, source="127.0.0.1", *, tls=None, patience=20, on_port=None, header=b""):
        super().__init__(context=tls or trusting(), timeout=patience)
        self.on_port = on_port
        self.header = header
        self.encrypted = tls is not None
        self.connect_by(address, source)

    def connect_by(self, address, source):
        if not self.header:
            self.connect(*address, source_address=(source, 0))
            return
        # The header of the PROXY protocol comes before anything is read.
        self.host, self.port = address
        self.sock = ftplib.socket.create_connection(address, self.timeout, (source, 0))
        self.sock.sendall(self.header)
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()

    def enter(self, user="good", password=PASSWORD):
        self.login(user, password, secure=self.encrypted)
        if self.encrypted:
            self.prot_p()
        return self

    def makepasv(self):
        host, port = ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())
        if self.on_port:
            self.on_port(port)
        return host, port

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        return connection, size

    def fetch(self, name):
        content = io.BytesIO()
        self.retrbinary(f"RETR {name}", content.write)
        return content.getvalue()

    def store(self, name, content):
        self.storbinary(f"STOR {name}", io.BytesIO(content))

    def noop(self):
        self.voidcmd("NOOP")


def login(server, user="good", password=PASSWORD, source="127.0.0.1", **options):
    return Client(server.address, source, **options).enter(user, password)
