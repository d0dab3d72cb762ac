"""Mounts, at each path, a file system whose server is gone: every look at it fails with ENOTCONN.

    dead_mount.py PATH... -- COMMAND...

A path is a file or a directory. The command is run then.
"""

import ctypes
import os
import stat
import sys

paths = sys.argv[1:sys.argv.index("--")]
command = sys.argv[sys.argv.index("--") + 1:]
libc = ctypes.CDLL(None, use_errno=True)
for path in paths:
    device = os.open("/dev/fuse", os.O_RDWR)
    data = f"fd={device},rootmode={stat.S_IFMT(os.stat(path).st_mode):o},user_id=0,group_id=0"
    if libc.mount(b"dead", os.fsencode(path), b"fuse", 0, data.encode()) != 0:
        sys.exit("a file system of this test's own (FUSE) is not permitted here: "
                 + os.strerror(ctypes.get_errno()))
    os.close(device)
os.execvp(command[0], command)
