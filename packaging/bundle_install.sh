#!/bin/sh
# Installs fer-edge from this folder, without a network. Options are those of systemd/install.sh.
set -eu
fail() { printf 'install.sh: %s\n' "$1" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
[ -x "$python" ] || fail "$python is missing; on Debian and Ubuntu: sudo apt-get install python3 python3-venv"
expected=$(cat "$here/TAG" 2>/dev/null) || fail "the bundle is not whole: no TAG; copy and unpack it again"
received=$("$python" -c 'import platform, sys; print(f"{platform.machine()}-py3.{sys.version_info[1]}")')
[ "$expected" = "$received" ] ||
  fail "this bundle is for $expected, this machine is $received; build one there: make bundle"
broken=$(cd "$here" && sha256sum --quiet -c SHA256SUMS 2>/dev/null | head -1) || true
[ -s "$here/SHA256SUMS" ] && [ -z "$broken" ] || fail "the bundle is damaged (${broken:-no SHA256SUMS}); copy and unpack it again"
# As a URL, since pip takes what is behind a space for another folder.
links=$("$python" -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$here/wheels")
# pip asks nobody, and so waits for nobody.
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$links" PIP_RETRIES=0
unset PIP_EXTRA_INDEX_URL PIP_INDEX_URL || true
wheel=$(echo "$here"/wheels/fer_edge-*.whl)
exec "$here/systemd/install.sh" --wheel "$wheel" "$@"
