#!/usr/bin/env bash
# Runs once, when the container image is built: installs the course, and makes the user `learner`.
set -euo pipefail
cd "$(dirname "$0")/.."
python -m pip install --no-cache-dir -c constraints.txt -e ".[class]"
if ! id learner > /dev/null 2>&1; then
    useradd --create-home --uid 1000 learner
    install --directory --owner=learner /home/learner/course
fi
