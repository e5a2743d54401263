#!/bin/sh
# usage: install.sh PYTHON LOCK STAMP
# Installs what LOCK pins, with hashes, and LotaBots itself in place; does nothing when STAMP already names this LOCK.
set -eu
python=$1 lock=$2 stamp=$3
digest=$(cat "$lock" pyproject.toml | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$digest" ]; then
	touch "$stamp"
	exit 0
fi
echo "Installing $lock ..." >&2
pip="$python -m pip install -qq --disable-pip-version-check --no-input"
if ! $pip --require-hashes --only-binary :all: -r "$lock"; then
	echo "The packages of $lock could not be installed: is a package index in reach? (pip's own words are above)" >&2
	exit 1
fi
$pip --no-deps --no-build-isolation --editable .
# Without byte-code every start would compile every module again.
"$python" -m compileall -q src || true
echo "$digest" >"$stamp"
