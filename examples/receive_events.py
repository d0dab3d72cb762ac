#!/usr/bin/env python3
"""Receives events of Wharf (docs/events.md): PORT, the KEY of `secret`, and perhaps an ADDRESS. It prints what happened."""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

KEY = base64.b64decode(sys.argv[2].removeprefix("whsec_"))
SEEN = set()  # in earnest, a table of a database


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        name, sent = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = f"{name}.{sent}.".encode() + body
        right = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        signatures = self.headers["webhook-signature"].split(" ")
        is_ours = any(hmac.compare_digest(right, signature) for signature in signatures)
        if not is_ours or abs(time.time() - int(sent)) > 300:
            self.send_response(401)
        else:
            if name not in SEEN:  # it may come again
                event = json.loads(body)
                print(event["type"], event["data"].get("path"), flush=True)
                SEEN.add(name)
            self.send_response(204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
server = http.server.ThreadingHTTPServer((address, int(sys.argv[1])), Receiver)
print("listening on", server.server_address[1], flush=True)
server.serve_forever()
