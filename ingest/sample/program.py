"""The texts of tidebook, the little program that the sample's people work on."""

from __future__ import annotations

import struct
import zlib

# The most that one block of a deflate stream holds as it is.
_STORED_BLOCK = 65_535

README = """# tidebook

Prints the tides of our harbour from a small table, so that nobody has to squint at the poster in the boathouse.

    python tidebook.py

Heights are metres above chart datum, times are local.
"""

REQUIREMENTS = "pytest==8.3.3\n"

TABLE = """time,kind,height_m
2026-01-07T04:31,low,0.62
2026-01-07T23:14,high,4.02
2026-01-07T10:52,high,4.11
2026-01-07T16:58,low,0.71
2026-01-08T05:16,low,0.66
2026-01-08T11:37,high,4.05
"""

PROGRAM = '''"""Print the tides of a harbour from a small table."""

import argparse
import csv
from datetime import datetime
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "harbour.csv"


def load(path):
    with path.open(newline="") as file:
        return [
            (datetime.fromisoformat(row["time"]), row["kind"], float(row["height_m"]))
            for row in csv.DictReader(file)
        ]


def show(tide):
    time, kind, height = tide
    return f"{time:%Y-%m-%d %H:%M}  {kind:<4}  {height:5.2f} m"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="tidebook", description=__doc__)
    parser.add_argument("--table", type=Path, default=TABLE)
    args = parser.parse_args(argv)
    for tide in load(args.table):
        print(show(tide))


if __name__ == "__main__":
    main()
'''

HARBOUR = """# Where the table comes from

The harbour office publishes the predictions once a year. We type in the days we sail and mark corrections by hand,
which is why the rows are not always in order.

![The quay at spring tide](quay.png)
"""

IGNORED = "__pycache__/\n.pytest_cache/\n.env\n"


def picture(size: int = 8) -> bytes:
    """A square PNG: some pixels of sea. Stored, not deflated, so that its bytes do not depend on zlib."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + bytes((16 * row % 256, 96, 160)) * size for row in range(size))
    stored = b"\x78\x01"
    for start in range(0, len(rows), _STORED_BLOCK):
        block = rows[start : start + _STORED_BLOCK]
        is_last = start + _STORED_BLOCK >= len(rows)
        stored += bytes([is_last]) + struct.pack("<HH", len(block), len(block) ^ 0xFFFF) + block
    stored += struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")
