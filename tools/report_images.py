"""Takes the pictures of docs/report.md: the report of the bundled sample in a headless Chromium.

    python -m tools.report_images [--data DIRECTORY] [--out DIRECTORY]

Of other data nothing is written into docs/images: name a directory. `optipng`, where there is one, makes them smaller.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.report import Scope, write_report
from tools.browser import Browser, find_browser

SAMPLE = PRODUCT_ROOT / ".sample"
IMAGES = PRODUCT_ROOT / "docs" / "images"
# name: width and height in CSS pixels, dark or not
PICTURES = {
    "report-light": (1080, 1500, False),
    "report-dark": (1080, 1500, True),
    "report-phone": (360, 1500, False),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.report_images", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=SAMPLE, help="data directory (default: the sample)")
    parser.add_argument("--out", type=Path, help="where the pictures go (default: docs/images, of the sample only)")
    given = parser.parse_args(arguments)
    data = given.data.resolve()
    out = given.out or (IMAGES if data == SAMPLE else None)
    program = find_browser()
    if out is None or program is None:
        print("Name a directory with --out." if out is None else "No Chromium is installed.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory, Browser(program) as browser:
        page = Path(directory) / "report.html"
        write_report(DataDir(data), Scope(), page)
        for name, (width, height, is_dark) in PICTURES.items():
            browser.show(page, width, dark=is_dark)
            target = out / f"{name}.png"
            target.write_bytes(browser.picture(width, height))
            if shutil.which("optipng"):
                subprocess.run(["optipng", "-quiet", "-o4", "-strip", "all", str(target)], check=True)
            print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
