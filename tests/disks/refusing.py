"""Runs a command whose system calls are refused, as odd disks and old containers refuse them.

    refusing.py CALL=ERRNO... -- COMMAND...

    CALL is fchmod, fchmodat, fchown, fsync, fdatasync, linkat, renameat2, fsetxattr, or
    tmpfile (openat with O_TMPFILE) or noreplace (renameat2 with RENAME_NOREPLACE).

The filter is one of seccomp(2), which needs no rights and stays for all that the command starts.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {
        "fchmod": 91, "fchmodat": 268, "fchown": 93, "fsync": 74, "fdatasync": 75, "linkat": 265, "renameat2": 316,
        "openat": 257, "fsetxattr": 190,
    },
    "aarch64": {
        "fchmod": 52, "fchmodat": 53, "fchown": 55, "fsync": 82, "fdatasync": 83, "linkat": 37, "renameat2": 276,
        "openat": 56, "fsetxattr": 7,
    },
}
# A call, one of its arguments, and a bit of that which has to be set.
BITS = {"tmpfile": ("openat", 2, 0o20000000), "noreplace": ("renameat2", 4, 1)}
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000

numbers = NUMBERS.get(platform.machine())
if numbers is None:
    sys.exit(f"system calls of {platform.machine()} have no numbers here")
calls = sys.argv[1:sys.argv.index("--")]
command = sys.argv[sys.argv.index("--") + 1:]
program = []
for call in calls:
    name, error = call.split("=")
    name, argument, bit = BITS.get(name, (name, None, None))
    refuse = (RETURN, 0, 0, ERROR | getattr(errno, error))
    body = [refuse]
    if bit is not None:
        body = [(LOAD, 0, 0, 16 + 8 * argument), (JUMP_IF_SET, 0, 1, bit), refuse]
    program += [(LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, len(body), numbers[name]), *body]
program.append((RETURN, 0, 0, ALLOW))
code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in program))
filter_program = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, filter_program, 0, 0):
    sys.exit("filters of system calls (seccomp) are not permitted here: " + os.strerror(ctypes.get_errno()))
os.execvp(command[0], command)
