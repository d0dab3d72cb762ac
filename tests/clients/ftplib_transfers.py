"""Everything a person does with files, by Python's ftplib: ftplib_transfers.py HOST PORT [--active] [--ca FILE [--tolerate-eof]]

Prints nothing and ends with status 0 if every step did what it should, with 35 (as curl) if the TLS handshake of the
control connection failed.
"""

import argparse
import ftplib
import io
import ssl
import sys

arguments = argparse.ArgumentParser()
arguments.add_argument("host")
arguments.add_argument("port", type=int)
arguments.add_argument("--active", action="store_true")
arguments.add_argument("--ca")
arguments.add_argument("--tolerate-eof", action="store_true", help="the end of an upload may come without a close_notify")
options = arguments.parse_args()


class ResumingFTP(ftplib.FTP_TLS):
    """Resumes the session of the control connection, as careful clients do."""

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            session = self.sock.session
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return connection, size


if options.ca:
    context = ssl.create_default_context(cafile=options.ca)
    if options.tolerate_eof:
        context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    ftp = ResumingFTP(context=context, timeout=30)
else:
    ftp = ftplib.FTP(timeout=30)
ftp.encoding = "utf-8"
ftp.connect(options.host, options.port)
if options.ca:
    try:
        ftp.auth()
    except ssl.SSLError as error:
        print(error, file=sys.stderr)
        sys.exit(35)
ftp.login("demo", "demo")
if options.ca:
    ftp.prot_p()
ftp.set_pasv(not options.active)

content = bytes(i * i % 251 for i in range(300_000))


def fetch(name, rest=None):
    parts = []
    ftp.retrbinary(f"RETR {name}", parts.append, rest=rest)
    return b"".join(parts)


def refused(step, *values):
    try:
        step(*values)
    except ftplib.error_perm as error:
        assert str(error).startswith("550"), error
    else:
        raise AssertionError(f"{step.__name__}{values} should have been refused")


ftp.mkd("ftplib")
ftp.cwd("ftplib")
assert ftp.pwd() == "/ftplib", ftp.pwd()

ftp.storbinary("STOR up.bin", io.BytesIO(content))
assert fetch("up.bin") == content
assert ftp.size("up.bin") == len(content)

# Resuming: what came before stays, the rest follows, both ways.
assert fetch("up.bin", rest=123_456) == content[123_456:]
ftp.storbinary("STOR part.bin", io.BytesIO(content[:100_000]))
ftp.storbinary("STOR part.bin", io.BytesIO(content[100_000:]), rest=100_000)
assert fetch("part.bin") == content
ftp.storbinary("APPE part.bin", io.BytesIO(b"more"))
assert fetch("part.bin") == content + b"more"

# An empty file, and a name that is not ASCII.
ftp.storbinary("STOR größe 0.txt", io.BytesIO())
assert fetch("größe 0.txt") == b""

facts = dict(ftp.mlsd())
assert {"up.bin", "part.bin", "größe 0.txt"} <= set(facts), facts
assert facts["up.bin"]["type"] == "file" and facts["up.bin"]["size"] == str(len(content)), facts
assert len(facts["up.bin"]["modify"]) >= 14, facts
assert sorted(ftp.nlst()) == ["größe 0.txt", "part.bin", "up.bin"], ftp.nlst()
lines = []
ftp.retrlines("LIST", lines.append)
assert any(line.endswith(" up.bin") and line.startswith("-") for line in lines), lines
assert ftp.sendcmd("MDTM up.bin").startswith("213 2")

ftp.rename("up.bin", "down.bin")
assert fetch("down.bin") == content
refused(ftp.size, "up.bin")

ftp.mkd("folder")
ftp.rename("down.bin", "folder/down.bin")
refused(ftp.rmd, "folder")
assert fetch("folder/down.bin") == content
ftp.delete("folder/down.bin")
refused(ftp.delete, "folder/down.bin")
ftp.rmd("folder")

for name in ["part.bin", "größe 0.txt"]:
    ftp.delete(name)
assert ftp.nlst() == [], ftp.nlst()
ftp.cwd("..")
ftp.rmd("ftplib")
assert list(dict(ftp.mlsd())) in ([], ["."], [".."], [".", ".."])
ftp.quit()
