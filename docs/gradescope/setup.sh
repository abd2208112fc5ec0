#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image for grading submissions.
set -euo pipefail
source=${1:-/autograder/source}
export DEBIAN_FRONTEND=noninteractive

apt-get update
# the sandbox; if the image forbids sandboxes, submissions run as an unprivileged user
apt-get install --yes bubblewrap util-linux
# the first of these that the image's Ubuntu has
for python in python3.12 python3.13 python3.11; do
    if apt-get install --yes "$python" "$python-venv"; then break; fi
done
"$python" -m venv "$source/../venv"
"$source/../venv/bin/python" -m pip install -c "$source/constraints.txt" -e "$source"
