"""The rows of the table, and how times are measured and judged."""

import ftplib
import math
import statistics
import time
from dataclasses import dataclass

HELD, BROKEN = "held", "**broken**"
NOT_PERMITTED = "not permitted here"
# Effects that no server can prevent: they are reported, and not judged.
TOLD = "not preventable"

# Seconds that a busy machine may lose at any moment.
ROOM = 5

FAILURES = (*ftplib.all_errors, OSError, EOFError)


@dataclass
class Row:
    probe: str
    tried: str
    idle: str
    attacked: str
    verdict: str


def verdict(*conditions):
    return HELD if all(conditions) else BROKEN


def show_table(rows):
    print("| probe | what was tried | the good client, idle server | the good client, under attack | |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| `{row.probe}` | {row.tried} | {row.idle} | {row.attacked} | {row.verdict} |")


def took(action):
    """The seconds that an action took; infinite if it failed."""
    begun = time.monotonic()
    try:
        action()
    except FAILURES:
        return math.inf
    return time.monotonic() - begun


class Times:
    """Some seconds of the same action."""

    def __init__(self, seconds):
        self.seconds = list(seconds)

    @classmethod
    def of(cls, count, action):
        return cls(took(action) for _ in range(count))

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def worst(self):
        return max(self.seconds)

    def are_as_on(self, idle):
        """Whether these are as good as on the idle server, with all the room that a busy machine needs."""
        return self.worst <= ROOM + 20 * idle.median

    def __str__(self):
        return "not in time" if self.worst == math.inf else f"at most {show(self.worst)}"


def show(seconds):
    if seconds == math.inf:
        return "never"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{max(seconds * 1000, 1):.0f} ms"
