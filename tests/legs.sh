#!/bin/sh
# The tests on each PostgreSQL there is: all on 18, what asks the server on 16 as well, and queries
# on the machine's own 15.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${DBKIT_BIN:-.venv/bin}
failed=0

# four at once on two cores: many tests wait, for a lock or for a process; each begins with a quarter,
# so that a file stays with one, and takes from the others when it is done
leg() {
    echo "== PostgreSQL $1"
    name=$1
    shift
    DBKIT_TEST_POSTGRES=$name "$bin/pytest" -q -n 4 --dist worksteal "$@" || failed=1
}

# asks no PostgreSQL, not the one of the leg, or nothing that its version changes: the first leg
# runs it for all
once="house typing sqltext queryfiles test_bench.py test_coverage.py test_settings.py test_wheel.py
    cli/test_help.py cli/test_embedded_server.py cli/test_stopping.py codegen/test_sent.py
    codegen/test_odd_names.py codegen/test_calls_setting.py stories test_readme.py
    parity test_commandline.py systems/ai_orchestration/test_tenancy.py
    processes testing examples test_application.py test_observing_page.py cli/test_init.py
    cli/test_completion.py cli/test_import_queries.py runtime/test_telemetry.py
    server/test_folders.py server/test_killing.py server/test_stopping.py"
ignored=$(printf -- '--ignore=tests/%s ' $once)

leg 18
if [ -x /usr/sbin/pgbouncer ]; then
    echo "== through pgbouncer, where statements have no name"
    DBKIT_TEST_POOLER=transaction "$bin/pytest" -q -n 4 --dist worksteal tests/runtime \
        tests/stories || failed=1
else
    echo "== pgbouncer: this machine has none, so nothing ran through it"
fi
# no quotes: each is an argument of its own; this leg is the one without what is compiled
export DBKIT_COMPILED=0
leg 16 $ignored
unset DBKIT_COMPILED
if [ -x /usr/lib/postgresql/15/bin/pg_ctl ]; then
    # what queries are and give; migrations and the command line had two versions
    leg /usr/lib/postgresql/15/bin $ignored --ignore=tests/cli --ignore=tests/migrations \
        --ignore=tests/check --ignore=tests/server
else
    echo "== PostgreSQL 15: this machine has none, so this leg did not run"
fi
exit $failed
