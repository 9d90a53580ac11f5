#!/usr/bin/env bash
# One command: makes an environment and runs every check that CI runs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

install dev "the base and the developer tools"
bin="$root/.venv/bin"
echo "ruff";          "$bin/ruff" check . && "$bin/ruff" format --check --quiet .
echo "mypy";          "$bin/mypy"
echo "import-linter"; "$bin/lint-imports" --no-cache >/dev/null || "$bin/lint-imports" --no-cache
echo "pytest";        exec "$bin/pytest" -n "${TEST_WORKERS:-2}" -q "$@"
