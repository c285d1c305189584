#!/bin/sh
# The main job: archive and land what is new, build the warehouse, say what came out.
# Works on the registered projects of the data directory, or on the bundled sample where nothing is registered.
set -eu

cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
export DBT_PROFILES_DIR="$PWD" DBT_SEND_ANONYMOUS_USAGE_STATS=False DO_NOT_TRACK=1

OPE_DATA_DIR=$(tools/data_dir.sh)
export OPE_DATA_DIR

if [ "$OPE_DATA_DIR" = "$PWD/.sample" ]; then
    echo "No project is registered in the data directory: this is the bundled sample, in .sample/ of its own."
    echo "(.venv/bin/ope discover shows your own sessions, .venv/bin/ope add-project --repo PATH registers them.)"
    tools/sample.sh "$OPE_DATA_DIR"
fi

"$python" -m ingest sync

echo "Building and testing the warehouse with dbt (details: logs/dbt.log) ..."
# Unit tests examine the models, not the data: they belong to `make test`.
if ! .venv/bin/dbt --log-level error build --exclude-resource-type unit_test; then
    echo "dbt build failed: the lines above name the model or the test, logs/dbt.log has the rest." >&2
    exit 1
fi

"$python" -m ingest summary
