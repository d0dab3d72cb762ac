"""Names of a directory with links as ftplib reads them: the value of a fact must not break a line apart."""

import ftplib
import sys

host, port = sys.argv[1:3]
with ftplib.FTP() as ftp:
    ftp.connect(host, int(port), timeout=60)
    ftp.login("demo", "demo")
    print(*sorted(name for name, facts in ftp.mlsd("old") if facts["type"].lower() not in ("cdir", "pdir")))
