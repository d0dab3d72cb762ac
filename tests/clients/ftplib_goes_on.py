"""Goes on with an upload as old devices do: ftplib_goes_on.py HOST PORT rest|appe FILE

Asks for the size of what is there, and sends the rest: with REST and STOR, or with APPE. A file of which nothing is there is sent
whole. Prints how many bytes were there.
"""

import ftplib
import pathlib
import sys

host, port, way, name = sys.argv[1:]
content = pathlib.Path(name).read_bytes()
ftp = ftplib.FTP(timeout=60)
ftp.connect(host, int(port))
ftp.login("demo", "demo")
ftp.voidcmd("TYPE I")
try:
    there = ftp.size(name)
except ftplib.error_perm:
    there = 0
with open(name, "rb") as file:
    file.seek(there)
    if there and way == "rest":
        ftp.storbinary(f"STOR {name}", file, rest=there)
    else:
        ftp.storbinary(f"{'APPE' if there else 'STOR'} {name}", file)
assert ftp.size(name) == len(content)
ftp.quit()
print(there)
