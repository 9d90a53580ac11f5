#!/usr/bin/env bash
# One command: makes an environment, a small drive in every native format, converts it, checks it and draws it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

echo "lead_xb demo: needs about 1 GB for the environment and 0.1 GB for data; 1-4 minutes the first time, less than 1 after that."
echo "[1/2] environment (no torch, no simulator)"
install viz "the base and the video encoder"
echo "[2/2] drive, native files, canonical scenes, pictures"
exec "$root/.venv/bin/lead-xb" demo "$@"
