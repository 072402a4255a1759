#!/bin/sh
# The tests that touch each dependency: with the lowest versions that pyproject.toml allows, on the
# oldest Python that it names, and with the newest versions, on the newest Python of this machine.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${DBKIT_BIN:-.venv/bin}
failed=0
tests="
    tests/pools/test_pools.py tests/test_transactions.py tests/test_typedqueries.py tests/test_wheel.py
    tests/cli/test_call.py tests/cli/test_help.py tests/cli/test_migrate.py
    tests/loading tests/pgtypes tests/runtime
    tests/migrations/test_running.py tests/migrations/test_yoyo_itself.py
    tests/server/test_starting.py tests/sqltext/test_tokens.py
    tests/systems/ai_orchestration/test_cron.py tests/systems/ai_orchestration/test_secrets.py
    tests/systems/mrwa/test_accounts.py
"

# the first Python of this version that runs: ours, PATH's, pyenv's or uv's
find_python() {
    for python in "$bin/python" "python$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python \
        "$(uv python find --no-python-downloads "$1" 2>/dev/null)"; do
        if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

# an environment with what the tests need, made anew when pyproject.toml changes
environment() {
    folder=$1
    python=$2
    shift 2
    if [ "$folder/installed" -nt pyproject.toml ] &&
        [ "$folder/installed" -nt dbkit/runtime/_compiled.c ]; then return; fi
    rm -rf "$folder"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$python" "$folder" &&
            uv pip install --quiet --python "$folder/bin/python" --group test --editable '.[embedded]' "$@"
    else
        "$python" -m venv --without-pip "$folder" &&
            "$bin/python" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check \
                --group test --editable '.[embedded]' "$@"
    fi && touch "$folder/installed"
}

# no quotes around the tests: they are many words
leg() {
    echo "== $1"
    shift
    if environment "$@"; then
        "$1/bin/python" -m pytest -q -n 4 --dist worksteal -p no:cacheprovider $tests || failed=1
    else
        failed=1
    fi
}

versions=$(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml | sort -V)
oldest=$(echo "$versions" | head -n 1)
newest=$oldest
for version in $versions; do
    if find_python "$version" >/dev/null; then newest=$version; fi
done

if python=$(find_python "$oldest"); then
    "$bin/python" tests/lowest.py >.venv/lowest.txt || exit 1
    leg "lowest versions, Python $oldest" .venv/lowest "$python" --constraint .venv/lowest.txt
else
    echo "== lowest versions: this machine has no Python $oldest, so this leg did not run"
fi
if [ "$newest" != "$oldest" ]; then
    leg "newest versions, Python $newest" .venv/newest "$(find_python "$newest")"
else
    echo "== newest versions: this machine has no Python newer than $oldest, so this leg did not run"
fi
exit $failed
