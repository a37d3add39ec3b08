#!/bin/sh
# Builds dist/fer-edge-VERSION-linux-ARCH-pyMINOR.tar.gz: wheels, weights, units and install.sh, for
# machines without a network and without apt.
#
#   packaging/bundle.sh
#   there: tar -xzf fer-edge-*.tar.gz && sudo fer-edge-*/install.sh      (options of systemd/install.sh)
#
# The wheels are those of the Python and the processor that build it (PYTHON, default /usr/bin/python3).
set -eu
umask 022
fail() { printf 'bundle.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
build_python=${BUILD_PYTHON:-$checkout/.venv/bin/python}
[ -x "$build_python" ] || fail "$build_python is missing; run: make setup"
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$checkout/runtime/fer_runtime/__init__.py")
tag=$("$python" -c 'import platform, sys; print(f"{platform.machine()}-py3.{sys.version_info[1]}")')
name=fer-edge-$version-linux-$tag
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name
mkdir -p "$top/wheels" "$top/.cache/assets" "$top/docs/es" "$work/source"
for part in setup.cfg pyproject.toml README.md LICENSE runtime training converter models; do
  cp -R "$checkout/$part" "$work/source/"
done
"$python" -m venv --without-pip "$work/venv" || fail "the module venv is missing: apt-get install python3-venv"
"$build_python" -m pip --python "$work/venv/bin/python" wheel -q --only-binary :all: --no-binary fer-edge \
  -w "$top/wheels" "$work/source[mqtt,web]"
cp -R "$checkout/systemd" "$top/"
cp "$checkout/docs/operating.md" "$top/docs/"
cp "$checkout/docs/es/operating.md" "$top/docs/es/"
cp "$checkout/LICENSE" "$top/"
for file in face_detection_yunet_2023mar.onnx astronaut.png; do
  found=
  for folder in "${FER_EDGE_ASSETS:-}" "$checkout/.cache/assets" "${XDG_DATA_HOME:-$HOME/.local/share}/fer-edge" /usr/share/fer-edge; do
    [ -n "$found" ] || [ ! -f "$folder/$file" ] || found=$folder/$file
  done
  [ -n "$found" ] || fail "$file is missing; run: fer-runtime --fetch-assets"
  cp "$found" "$top/.cache/assets/"
done
printf '%s\n' "$tag" >"$top/TAG"
install -m 755 "$checkout/packaging/bundle_install.sh" "$top/install.sh"
(cd "$top" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
mkdir -p "$checkout/dist"
tar -C "$work" --owner=0 --group=0 -czf "$checkout/dist/$name.tar.gz" "$name"
echo "== dist/$name.tar.gz: $(($(stat -c %s "$checkout/dist/$name.tar.gz") / 1000000)) MB"
