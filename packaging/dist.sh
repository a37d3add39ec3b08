#!/bin/sh
# Builds sdist and wheel into dist/, checks them, and lists what the core depends upon.
#
#   packaging/dist.sh [OUT]
#
# The same commit gives the same bytes: times are those of SOURCE_DATE_EPOCH (default: of the
# commit), and only files that git knows are taken.
set -eu
umask 022
fail() { printf 'dist.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${BUILD_PYTHON:-$checkout/.venv/bin/python}
out=${1:-$checkout/dist}
[ -x "$python" ] || fail "$python is missing; run: make setup"
: "${SOURCE_DATE_EPOCH:=$(git -C "$checkout" log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/source" "$work/out" "$out"
(cd "$checkout" && git ls-files -z | xargs -0 sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' sh |
  tar -cf - --null -T -) | tar -C "$work/source" -xf -
find "$work/source" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
chmod -R u=rwX,go=rX "$work/source"
"$python" -m build --outdir "$work/out" "$work/source" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; fail "the build failed"; }
"$python" "$checkout/packaging/reproduce.py" "$work"/out/*.tar.gz
"$python" -m twine check --strict "$work"/out/*
"$python" "$checkout/packaging/sbom.py" "$work"/out/*.whl >"$work/out/fer-edge.cdx.json"
mv -f "$work"/out/* "$out/"
(cd "$out" && sha256sum fer_edge-* fer-edge.cdx.json)
