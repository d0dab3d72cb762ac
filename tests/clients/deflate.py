"""Files both ways in MODE Z, by Python's ftplib and zlib: deflate.py HOST PORT

Prints nothing and ends with status 0 if every step did what it should.
"""

import ftplib
import io
import random
import sys
import zlib

ftp = ftplib.FTP(timeout=30)
ftp.connect(sys.argv[1], int(sys.argv[2]))
ftp.login("demo", "demo")
ftp.sendcmd("MODE Z")

random.seed(1)
contents = {
    "empty": b"",
    "one": b"x",
    "noise": random.randbytes(300_000),
    "text": b"the same line again\r\n" * 50_000,
    "zeros": bytes(5_000_000),
}
for level in (1, 6, 9):
    ftp.sendcmd(f"OPTS MODE Z LEVEL {level}")
    for name, content in contents.items():
        ftp.storbinary(f"STOR {name}", io.BytesIO(zlib.compress(content, level)))
        parts = []
        ftp.retrbinary(f"RETR {name}", parts.append)
        received = b"".join(parts)
        assert zlib.decompress(received) == content, (level, name)
        assert ftp.size(name) == len(content), (level, name)
        if name == "zeros":
            assert len(received) < 50_000, (level, len(received))

# Small records of the sender: every way to cut the stream is the same stream.
packer = zlib.compressobj(6)
connection = ftp.transfercmd("STOR pieces")
for start in range(0, 20_000, 1000):
    connection.sendall(packer.compress(contents["noise"][start : start + 1000]))
    connection.sendall(packer.flush(zlib.Z_SYNC_FLUSH))
connection.sendall(packer.flush())
connection.close()
assert ftp.voidresp().startswith("226")
ftp.sendcmd("MODE S")
parts = []
ftp.retrbinary("RETR pieces", parts.append)
assert b"".join(parts) == contents["noise"][:20_000]
ftp.quit()
