#!/bin/sh
# tools/sample.sh DATA_DIRECTORY: writes the bundled sample below it and registers it there, as a user would.
set -eu

cd "$(dirname "$0")/.."
OPE_DATA_DIR=$1
export OPE_DATA_DIR
python=$PWD/.venv/bin/python

"$python" -m ingest.sample "$OPE_DATA_DIR/source" >/dev/null
"$python" -m ingest add-project --name "Tidebook" --id tidebook --notes "The bundled sample: synthetic." \
    --repo "$OPE_DATA_DIR/source/tidebook" --sessions "$OPE_DATA_DIR/source/projects" --json >/dev/null
