"""A service that knows users, for `users_from: [{ http: … }]` (docs/users-from-http.openapi.yaml). It stands for yours, which compares
hashes: TOKEN=secret python3 examples/users_from_http.py 8080"""

import hmac, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USERS = {"demo": ("demo", {"backend": "scratch", "permissions": "full"})}


def answer(question):
    password, entry = USERS.get(question["name"], ("", None))
    right = hmac.compare_digest(password.encode(), question["password"].encode())
    if entry is None:
        return {"unknown": True}
    return {"user": entry, "cache": "1m"} if right else {"refused": "wrong password"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        question = self.rfile.read(int(self.headers["Content-Length"]))
        known = hmac.compare_digest(self.headers["Authorization"] or "", "Bearer " + os.environ["TOKEN"])
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer(json.loads(question))).encode() if known else b"")


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(server.server_port, flush=True)
server.serve_forever()
