"""Attacks a Wharf of its own, on loopback alone, and shows what a good client sees of it: python3 scripts/attack --wharf FILE

A table in Markdown, a row for each probe: what was tried, what the good client saw on an idle server and under the attack, and
whether Wharf held. The exit status is 1 if something was broken. `docs/trust.md` has the table of one machine.

A verdict is a fact (nobody else got the file), or a time with so much room that a busy machine does not miss it.
"""

import argparse
import importlib
import pathlib
import resource
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from bench import Bench
from rows import BROKEN, show_table
from strangers import be_strangers

PROBES = ["reuse", "scan", "logins", "checksums", "disk", "networks", "log"]


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wharf", type=pathlib.Path, required=True, metavar="FILE", help="the server that is attacked")
    parser.add_argument("--probes", type=lambda text: text.split(","), default=PROBES, metavar="NAMES",
                        help=f"only these, with commas between them: {', '.join(PROBES)}")
    parser.add_argument("--quick", action="store_true", help="smaller loads: seconds, not minutes")
    options = parser.parse_args()
    for name in options.probes:
        if name not in PROBES:
            parser.error(f"there is no probe {name!r}")
    if not options.wharf.is_file():
        parser.error(f"{options.wharf} is no file: build it first (make attack does)")
    return options


def allow_open_files(count):
    """Crowds of strangers and the server have some thousand connections each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        sys.exit(f"attack: {count} open files are needed, and {hard} are allowed here (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def run(bench, names):
    rows = []
    for name in names:
        begun = time.monotonic()
        rows += importlib.import_module(f"probes.{name}").run(bench)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return rows


def main():
    if sys.argv[1:2] == ["--strangers"]:
        return be_strangers(*sys.argv[2:])
    options = parse()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    allow_open_files(2000 if options.quick else 8000)
    with tempfile.TemporaryDirectory(prefix="wharf-attack-") as folder:
        bench = Bench(options.wharf.resolve(), pathlib.Path(folder), options.quick)
        rows = run(bench, options.probes)
    show_table(rows)
    return 1 if any(row.verdict == BROKEN for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
