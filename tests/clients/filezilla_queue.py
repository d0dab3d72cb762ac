"""Writes the queue that FileZilla finds when it starts: filezilla_queue.py HOST PORT LOCAL_FOLDER [go-on]

The tables are those of FileZilla 3.63. From the server's root comes `download`; to it goes `upload`. With `go-on`, only the upload is
there, which goes on with what is there of it already.
"""

import sqlite3
import sys

DOWNLOAD = 16
FTPES, NORMAL_LOGON = 4, 1
NORMAL_PRIORITY = 2
# A path by FileZilla: the kind (Unix), the length of a prefix, then the length and the name of each directory.
REMOTE_ROOT = "1 0"

TABLES = """
CREATE TABLE servers (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, host TEXT NOT NULL, port INTEGER, user TEXT,
  password TEXT, account TEXT, keyfile TEXT, protocol INTEGER, type INTEGER, logontype INTEGER, timezone_offset INTEGER,
  transfer_mode TEXT, max_connections INTEGER, encoding TEXT, bypass_proxy INTEGER, post_login_commands TEXT, name TEXT,
  parameters TEXT, site_path TEXT DEFAULT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, server INTEGER NOT NULL, source_file TEXT,
  target_file TEXT, local_path INTEGER, remote_path INTEGER, size INTEGER, error_count INTEGER, priority INTEGER,
  flags INTEGER, default_exists_action INTEGER, extra_flags TEXT);
CREATE INDEX server_index ON files (server);
CREATE TABLE local_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
CREATE TABLE remote_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
PRAGMA user_version = 7;
"""

GO_ON = 5

host, port, folder, *more = sys.argv[1:]
queue = sqlite3.connect("filezilla/queue.sqlite3")
queue.executescript(TABLES)
queue.execute(
    "INSERT INTO servers (id, host, port, user, password, protocol, type, logontype, timezone_offset, max_connections,"
    " encoding, bypass_proxy) VALUES (1, ?, ?, 'demo', 'demo', ?, 0, ?, 0, 0, 'Auto', 0)",
    (host, int(port), FTPES, NORMAL_LOGON),
)
queue.execute("INSERT INTO local_paths VALUES (1, ?)", (folder + "/",))
queue.execute("INSERT INTO remote_paths VALUES (1, ?)", (REMOTE_ROOT,))
files = [("download", DOWNLOAD, None), ("upload", 0, None)] if not more else [("upload", 0, GO_ON)]
for name, flags, action in files:
    queue.execute(
        "INSERT INTO files (server, source_file, local_path, remote_path, size, error_count, priority, flags,"
        " default_exists_action) VALUES (1, ?, 1, 1, -1, 0, ?, ?, ?)",
        (name, NORMAL_PRIORITY, flags, action),
    )
queue.commit()
queue.close()
