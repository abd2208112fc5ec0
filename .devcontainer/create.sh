#!/usr/bin/env bash
# Runs once, when the development container is made: installs the course and the sandbox.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v bwrap > /dev/null; then
    sudo apt-get update
    sudo apt-get install --yes bubblewrap
fi
python -m pip install -c constraints.txt -e ".[lab]"
