#!/bin/sh
# Makes .venv with a Python of 3.11 or newer and installs a requirements file into it, only when that file has changed.
# Usage: tools/venv.sh requirements.txt     (PYTHON=/path/to/python chooses the interpreter)
set -eu
cd "$(dirname "$0")/.."
requirements=$1
venv=.venv

say() { printf '%s\n' "$*" >&2; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    if ! command -v "$PYTHON" >/dev/null 2>&1; then say "PYTHON=$PYTHON is not a program here."; exit 1; fi
    if ! new_enough "$PYTHON"; then
      say "grid_mgmt needs Python 3.11 or newer; PYTHON=$PYTHON is $("$PYTHON" -V 2>&1)."; exit 1
    fi
    echo "$PYTHON"; return
  fi
  for name in python3.13 python3.12 python3.11 python3 python; do
    if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then echo "$name"; return; fi
  done
  found=$(python3 -V 2>&1 || echo "no python3 at all")
  say "grid_mgmt needs Python 3.11 or newer; found $found. Install one, or name it: make run PYTHON=/path/to/python3.12"
  exit 1
}

if ! { [ -x $venv/bin/python ] && new_enough $venv/bin/python && $venv/bin/python -c 'import pip' >/dev/null 2>&1; }; then
  python=$(find_python)
  if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    say "$python cannot make virtual environments: its venv module is missing (on Debian and Ubuntu: apt-get install python3-venv)."
    exit 1
  fi
  say "Making .venv with $("$python" -V)"
  rm -rf $venv
  if ! "$python" -m venv $venv; then say ".venv could not be made: is the disk full, or the directory read-only?"; exit 1; fi
fi

# requirements-dev.txt contains the other one: whichever was installed last and still holds is enough
stamp=$venv/.installed-$(basename "$requirements")
now="$($venv/bin/python -V) $(cat requirements.txt "$requirements" | cksum)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$now" ]; then
  say "Installing $requirements"
  if ! $venv/bin/python -m pip install -qq --disable-pip-version-check --no-input -r "$requirements"; then
    say "$requirements could not be installed: is a package index within reach, and is there room on the disk?"
    exit 1
  fi
  printf '%s' "$now" >"$stamp"
fi
