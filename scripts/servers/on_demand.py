"""Stores that take long to start, or that few tests want: each is started when the first test asks for it.

A test connects to a Unix socket, whose path the environment variable WHARF_TEST_STORES tells, and sends the name of a
store and a line feed. The answer comes when the store is up: the lines `ready`, its URL, access key, secret key and
bucket; or `failed` and why. Whoever asks nothing waits for nothing.
"""

import socketserver
import threading
import traceback

from .ceph import ceph_rgw
from .common import BUCKET, Problem
from .databases import mariadb, postgresql
from .scanners import c_icap, clamd
from .small import rclone, s3s_fs
from .swift import swift

STORES = {"ceph-rgw": ceph_rgw, "swift": swift, "rclone": rclone, "s3s-fs": s3s_fs}
# Databases with users are asked for in the same way; in the place of keys are a client and an authority.
STORES |= {"postgresql": postgresql, "mariadb": mariadb}
# So are scanners of uploads, each by three addresses.
STORES |= {"clamd": clamd, "c-icap": c_icap}


class Store:
    """A store, started once, by a thread that lives as long as the script: the store's processes end with it."""

    def __init__(self, start, folder, servers):
        self.known = threading.Event()
        self.answer = ""
        self.work = start, folder, servers
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        start, folder, servers = self.work
        try:
            url, access_key, secret_key = start(folder, servers)
            self.answer = f"ready\n{url}\n{access_key}\n{secret_key}\n{BUCKET}\n"
        except Problem as problem:
            self.answer = f"failed\n{problem}\n"
        except Exception:
            self.answer = f"failed\n{traceback.format_exc()}\n"
        self.known.set()
        threading.Event().wait()


class OnDemand:
    def __init__(self, folder, servers):
        self.socket = folder / "stores.sock"
        started, lock = {}, threading.Lock()

        class Asked(socketserver.StreamRequestHandler):
            def handle(self):
                name = self.rfile.readline().decode().strip()
                if name not in STORES:
                    self.wfile.write(f"failed\nthere is no store {name}\n".encode())
                    return
                with lock:
                    if name not in started:
                        started[name] = Store(STORES[name], folder, servers)
                started[name].known.wait()
                self.wfile.write(started[name].answer.encode())

        class Waiting(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, _request, _address):
                """A test that was killed while it waited."""

        threading.Thread(target=Waiting(str(self.socket), Asked).serve_forever, daemon=True).start()
