#!/bin/sh
# The tests that run queries, by each path to a server and on each PostgreSQL there is:
# `sh tests/paths.sh`, or one of them: `sh tests/paths.sh unnamed 16`. What an application calls is
# here: generated modules, loaded queries and pools. Migrations, `dbkit check` and the command line
# connect by themselves, and ask by no name.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${DBKIT_BIN:-.venv/bin}
debian=/usr/lib/postgresql/15/bin
told=
failed=0
tests="
    tests/runtime tests/systems tests/parity tests/stories tests/loading tests/pools tests/soak
    tests/codegen tests/pgtypes/test_vector.py tests/test_transactions.py
    tests/test_through_poolers.py --ignore=tests/systems/test_history.py
"

tell() {
    told="$told
== $1"
}

leg() {
    way=$1
    postgres=$2
    leg="$way, PostgreSQL $postgres"
    case $way in
    named) path=DBKIT_TEST_PREPARE=auto ;;
    unnamed) path=DBKIT_TEST_PREPARE=never ;;
    pooler) path=DBKIT_TEST_POOLER=transaction ;;
    *)
        echo "a way is named, unnamed or pooler, not $way" >&2
        exit 64
        ;;
    esac
    if [ "$way" = pooler ] && ! PATH="$PATH:/usr/sbin" command -v pgbouncer >/dev/null; then
        tell "$leg: this machine has no pgbouncer, so nothing ran"
        return
    fi
    if [ "$postgres" = 15 ]; then
        postgres=$debian
        if [ ! -x $debian/pg_ctl ]; then
            tell "$leg: this machine has no $debian, so nothing ran"
            return
        fi
    fi
    echo "== $leg"
    # no quotes around the tests: they are many words
    if env -u DBKIT_TEST_PREPARE -u DBKIT_TEST_POOLER "$path" DBKIT_TEST_POSTGRES="$postgres" \
        "$bin/pytest" -q -n 4 --dist worksteal $tests; then
        tell "$leg: all that ran passed"
    else
        tell "$leg: FAILED"
        failed=1
    fi
}

for postgres in ${2:-18 16 15}; do
    for way in ${1:-named unnamed pooler}; do
        leg "$way" "$postgres"
    done
done
echo "$told"
exit $failed
