"""A name server that knows one name: dns.py NAME, on 127.0.0.1:53; everything else doesn't exist."""

import socket
import sys

known = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split(".")) + b"\0"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, client = server.recvfrom(512)
    if len(query) < 17:
        continue
    end = query.index(b"\0", 12) + 1
    name, kind, question = query[12:end], query[end : end + 2], query[12 : end + 4]
    found = name.lower() == known
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4\x7f\0\0\1" if found and kind == b"\0\1" else b""
    flags = b"\x81\x80" if found else b"\x81\x83"
    server.sendto(query[:2] + flags + b"\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0" + question + answer, client)
