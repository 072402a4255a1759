#!/bin/sh
# The whole suite on each PostgreSQL there is: 18 with branch coverage, 16, and the machine's own 15.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${DBKIT_BIN:-.venv/bin}
failed=0

# four at once on two cores: many tests wait, for a lock or for a process
leg() {
    echo "== PostgreSQL $1"
    name=$1
    shift
    DBKIT_TEST_POSTGRES=$name "$bin/pytest" -q -n 4 "$@" || failed=1
}

leg 18 --cov --cov-report=
"$bin/coverage" report || failed=1
leg 16
if [ -x /usr/lib/postgresql/15/bin/pg_ctl ]; then
    leg /usr/lib/postgresql/15/bin
else
    echo "== PostgreSQL 15: this machine has none, so this leg did not run"
fi
exit $failed
