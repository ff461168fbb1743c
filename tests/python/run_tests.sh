#!/usr/bin/env bash
# Runs a file of the Python package's tests with an interpreter that has what it needs:
# run_tests.sh PYTHON MODULE,MODULE... PACKAGE FILE
# VARLEN_PYTHON, if set, is the only one tried. Exit status 77: there is none.
set -euo pipefail
given=$1 modules=$2 package=$3 file=$4

for python in ${VARLEN_PYTHON:-"$given" /usr/bin/python3}; do
    if "$python" -c "import $modules" 2>/dev/null; then
        export PYTHONPATH=$package PYTHONDONTWRITEBYTECODE=1
        exec "$python" -m pytest -q -rs -p no:cacheprovider "$package/tests/$file"
    fi
done
echo "SKIPPED: no Python here has all of $modules (tried ${VARLEN_PYTHON:-$given, /usr/bin/python3}); tools/test installs" \
    "Debian's python3-pytest and python3-torch, and VARLEN_PYTHON names another interpreter" >&2
exit 77
