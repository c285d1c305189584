#!/bin/sh
# Prints the data directory to work on, as an absolute path: the user's, or .sample where no project is registered.
set -eu

cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python

registered=$("$python" -m ingest projects --json)
if [ "$registered" = "[]" ]; then
    mkdir -p .sample
    echo "$PWD/.sample"
else
    "$python" -c 'from ingest.paths import DataDir; print(DataDir.from_environment().root)'
fi
