"""What every server of the tests needs: a port, a process that ends with this script, a bucket."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time

TOOLS = pathlib.Path(__file__).resolve().parent.parent.parent / ".test-tools"
BUCKET = "wharf-test"
ACCESS_KEY = "wharf-test-key"
SECRET_KEY = "wharf-test-secret"
READY_WITHIN = 90
# Nothing of theirs is kept, so none is given long to tidy up.
STOPPED_WITHIN = 2


class Problem(Exception):
    pass


def free_ports(count):
    """Ports below the ephemeral range, so that no outgoing connection takes one before the server has it."""
    held = []
    try:
        while len(held) < count:
            probe = socket.socket()
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, 19999)))
                held.append(probe)
            except OSError:
                probe.close()
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
            probe.close()


class Server:
    """A process with a log of its own. The kernel ends it with the thread that started it, so that it does not outlive
    this script, not even after kill -9: that thread has to live as long as the server is wanted."""

    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def wait_until(self, ready):
        """Polls, because none of the servers says when it is up; gives up when it ends or time is over."""
        deadline = time.monotonic() + READY_WITHIN
        while True:
            if self.process.poll() is not None:
                raise Problem(f"{self.name} ended with status {self.process.returncode} at start.\n{self.tail()}")
            problem = ready()
            if problem is None:
                return
            if time.monotonic() > deadline:
                raise Problem(f"{self.name} was not ready after {READY_WITHIN} s: {problem}\n{self.tail()}")
            time.sleep(0.1)

    def tail(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {self.name}: {line}" for line in lines[-15:])

    def end(self, how):
        try:
            os.killpg(self.process.pid, how)
        except ProcessLookupError:
            pass


def stop_all(servers):
    for server in servers:
        server.end(signal.SIGTERM)
    deadline = time.monotonic() + STOPPED_WITHIN
    for server in servers:
        try:
            server.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        # What is left of its process group, if anything.
        server.end(signal.SIGKILL)


# Creates the bucket, then stores and removes an object: SeaweedFS answers before it has a volume to write to.
MAKE_BUCKET = """
import sys, boto3
from botocore.config import Config
url, access_key, secret_key, bucket = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
    config=Config(s3={"addressing_style": "path"}, proxies={}, connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required", response_checksum_validation="when_required"))
try:
    s3.create_bucket(Bucket=bucket)
except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
    pass
s3.put_object(Bucket=bucket, Key="ready", Body=b"ready")
s3.delete_object(Bucket=bucket, Key="ready")
"""


def bucket_ready(url, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    command = [TOOLS / "python/bin/python", "-c", MAKE_BUCKET, url, access_key, secret_key, BUCKET]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
