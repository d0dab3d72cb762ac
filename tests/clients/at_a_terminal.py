"""A person at a terminal: waits for words of a program, and types: at_a_terminal.py TRANSCRIPT PROGRAM ARGUMENT…

The transcript is JSON: a list of pairs, the words that are waited for and the text that is typed then; SIGHUP, say, in
its place sends the program this signal. Prints as JSON what stood on the terminal, the status of the program (negative: the signal that
ended it), and whether the terminal still echoes and edits lines at the end.
"""

import json
import os
import pty
import select
import signal
import sys
import termios
import time

LIMIT = 120
END = "-- end of the program --"

transcript, command = json.loads(sys.argv[1]), sys.argv[2:]
told, tell = os.pipe()
process, terminal = pty.fork()
if process == 0:
    # The program is a child, so that the terminal is still there when it has ended. Ctrl-C and Ctrl-\ are for the program alone.
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    os.write(tell, str(child).encode())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    echoes = bool(termios.tcgetattr(0)[3] & termios.ECHO) and bool(termios.tcgetattr(0)[3] & termios.ICANON)
    print(END + json.dumps({"status": status, "echoes": echoes}), flush=True)
    os._exit(0)

program = int(os.read(told, 20))
seen, read_to = "", 0
deadline = time.monotonic() + LIMIT


def more():
    """What else the program prints; False at its end."""
    global seen
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        sys.exit(f"the time is over; on the terminal stood\n{seen}")
    try:
        data = os.read(terminal, 4096)
    except OSError:
        return False
    seen += data.decode(errors="replace")
    return bool(data)


for words, typed in transcript:
    while words not in seen[read_to:]:
        if not more():
            sys.exit(f"the program ended before it said {words!r}; on the terminal stood\n{seen}")
    read_to = seen.index(words, read_to) + len(words)
    if typed.startswith("SIG"):
        os.kill(program, signal.Signals[typed])
    else:
        os.write(terminal, typed.encode())
while more():
    pass
os.waitpid(process, 0)
shown, end = seen.replace("\r\n", "\n").split(END)
print(json.dumps({"seen": shown, **json.loads(end)}))
