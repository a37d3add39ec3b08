#!/bin/sh
# Builds dist/fer-edge_VERSION_ARCH.deb: the runtime in a Python environment of its own under
# /opt/fer-edge, with detector weights, units, camera rule, sample settings, man pages, completions.
#
#   packaging/deb.sh [WHEEL]
#
# Needs the Python of the Debian it is for as /usr/bin/python3, dpkg-deb, and what pip downloads.
# Environment: BUILD_PYTHON  a Python with click and pip 22.3 or newer (default .venv/bin/python)
set -eu
umask 022

fail() { printf 'deb.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
say() { printf '== %s\n' "$*"; }

checkout=$(cd "$(dirname "$0")/.." && pwd)
python=/usr/bin/python3
build_python=${BUILD_PYTHON:-$checkout/.venv/bin/python}
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: this needs Debian or Ubuntu"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "expected Python 3.10 or newer as $python"
[ -x "$build_python" ] || fail "$build_python is missing; run: make setup"

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$checkout/runtime/fer_runtime/__init__.py")
arch=$(dpkg --print-architecture)
minor=$("$python" -c 'import sys; print(sys.version_info[1])')
: "${SOURCE_DATE_EPOCH:=$(git -C "$checkout" log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
prefix=$root/opt/fer-edge
doc=$root/usr/share/doc/fer-edge

wheel=${1:-}
if [ -z "$wheel" ]; then
  say "wheel"
  mkdir "$work/source"
  for part in setup.cfg pyproject.toml README.md LICENSE runtime training converter models; do
    cp -R "$checkout/$part" "$work/source/"
  done
  "$build_python" -m pip wheel -q --no-deps -w "$work/wheel" "$work/source"
  wheel=$(echo "$work"/wheel/fer_edge-*.whl)
fi
[ -f "$wheel" ] || fail "no file $wheel" 2

say "environment for Python 3.$minor, $arch"
"$python" -m venv --without-pip "$prefix" 2>/dev/null || fail "the module venv is missing: apt-get install python3-venv"
"$build_python" -m pip --python "$prefix/bin/python" install -q --disable-pip-version-check --no-compile "${wheel}[mqtt,web]"

say "what the runtime never loads is left out"
site=$prefix/lib/python3.$minor/site-packages
"$checkout/packaging/trim.sh" "$site"
# OpenCV's own OpenBLAS of 38 MB, for 18 functions of linear algebra that are not called here: a
# library of the same name hands them over to Debian's
for blas in "$site"/opencv_python.libs/libopenblas*.so; do
  rm "$blas"
  gcc -shared -o "$blas" -Wl,--no-as-needed -l:liblapack.so.3 -l:libblas.so.3 \
    -Wl,-soname,"$(basename "$blas")" || fail "gcc, libblas3 or liblapack3 is missing: apt-get install gcc libblas3 liblapack3"
done
# Fortran's library, which only that wanted
rm -f "$site"/opencv_python.libs/libgfortran* "$site"/opencv_python.libs/libquadmath*
# symbol tables; not those of libraries that wheels have given a path, which it would break
find "$site" -name '*.so' | while read -r file; do
  readelf -d "$file" | grep -qE 'R(UN)?PATH' || strip --strip-unneeded "$file"
done
find "$site/ai_edge_litert" -name '*.so' -exec strip --strip-unneeded {} +
# the other commands come along; what they need beside the core is installed with pip, as they say
# when it is missing
rm -f "$prefix"/bin/[aA]ctivate* "$prefix"/bin/numpy-config "$prefix"/bin/f2py "$prefix"/bin/tqdm
rm -f "$site"/fer_edge-*.dist-info/direct_url.json
for file in "$prefix"/bin/*; do
  [ -L "$file" ] || sed -i "1s|^#!.*|#!/opt/fer-edge/bin/python|" "$file"
done
sed -i -e '/^command = /d' "$prefix/pyvenv.cfg"
ln -sf "$python" "$prefix/bin/python3"
find "$prefix/bin" -name 'python3.*' -exec ln -sf python3 {} \;
chmod -R u=rwX,go=rX "$root"
find "$site" -type f -exec chmod 644 {} +
if left=$(grep -rlI "$work" "$prefix"); then fail "paths of the build are left in $left"; fi

say "files"
place() { install -D -m "${3:-644}" "$1" "$root/$2"; }
# unit FILE TARGET: the per-user unit names the environment of a checkout's installer
unit() { mkdir -p "$(dirname "$root/$2")"; sed 's|%h/.local/share/fer-edge/env|/opt/fer-edge|g' "$1" >"$root/$2"; chmod 644 "$root/$2"; }
for name in fer-runtime.service fer-runtime@.service srv-feredge.mount srv-fercameras.mount; do
  unit "$checkout/systemd/$name" "lib/systemd/system/$name"
done
unit "$checkout/systemd/fer-runtime-show.service" usr/lib/systemd/user/fer-runtime-show.service
place "$checkout/systemd/70-fer-edge-camera.rules" etc/udev/rules.d/70-fer-edge-camera.rules
place "$checkout/systemd/kiosk.yaml" etc/fer-edge/kiosk.yaml
for name in kiosk.yaml network.conf; do place "$checkout/systemd/$name" "opt/fer-edge/share/fer-edge/$name"; done
place "$checkout/docs/operating.md" opt/fer-edge/share/fer-edge/operating.md
place "$checkout/docs/es/operating.md" opt/fer-edge/share/fer-edge/operating.es.md
for name in face_detection_yunet_2023mar.onnx astronaut.png; do
  found=
  for folder in "${FER_EDGE_ASSETS:-}" "$checkout/.cache/assets" "${XDG_DATA_HOME:-$HOME/.local/share}/fer-edge" /usr/share/fer-edge; do
    [ -n "$found" ] || [ ! -f "$folder/$name" ] || found=$folder/$name
  done
  [ -n "$found" ] || fail "$name is missing; run: fer-runtime --fetch-assets"
  place "$found" "usr/share/fer-edge/$name"
done
FER_EDGE_ASSETS=$root/usr/share/fer-edge PYTHONPATH="$checkout/runtime" "$build_python" -c '
from fer_runtime.assets import asset_path
asset_path("yunet"), asset_path("portrait")' || fail "the weights are damaged; run: fer-runtime --fetch-assets"
PYTHONPATH="$checkout/runtime:$checkout/training:$checkout/converter" \
  "$build_python" "$checkout/packaging/manpages.py" "$work/generated"
for command in fer-runtime fer-report fer-batch fer-collect fer-train fer-evaluate fer-convert; do
  place "$work/generated/man/$command.1" "usr/share/man/man1/$command.1"
  gzip -9n "$root/usr/share/man/man1/$command.1"
  place "$work/generated/completions/$command" "usr/share/bash-completion/completions/$command"
  mkdir -p "$root/usr/bin"
  ln -s "/opt/fer-edge/bin/$command" "$root/usr/bin/$command"
done
place "$checkout/packaging/debian/copyright" usr/share/doc/fer-edge/copyright
day=$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
maintainer="${DEBFULLNAME:-fer-edge} <${DEBEMAIL:-fer-edge@packages.debian.org}>"
printf 'fer-edge (%s) stable; urgency=medium\n\n  * Release %s; what changed is in CHANGELOG.md.\n\n -- %s  %s\n' \
  "$version" "$version" "$maintainer" "$day" | gzip -9n >"$doc/changelog.gz"
gzip -9nc "$checkout/CHANGELOG.md" >"$doc/NEWS.gz"
place "$checkout/packaging/debian/lintian-overrides" usr/share/lintian/overrides/fer-edge

say "package"
mkdir "$root/DEBIAN"
for script in preinst postinst prerm postrm; do install -m 755 "$checkout/packaging/debian/$script" "$root/DEBIAN/$script"; done
printf '/etc/fer-edge/kiosk.yaml\n/etc/udev/rules.d/70-fer-edge-camera.rules\n' >"$root/DEBIAN/conffiles"
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
cat >"$root/DEBIAN/control" <<CONTROL
Package: fer-edge
Version: $version
Architecture: $arch
Maintainer: $maintainer
Section: science
Priority: optional
Installed-Size: $size
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))), libc6 (>= 2.28), libgl1, libglib2.0-0, libblas3, liblapack3, libstdc++6, passwd, init-system-helpers (>= 1.52)
Recommends: udev, bash-completion
Description: emotions of the faces before a camera, without a stored picture
 Tells in real time which of seven emotions each face in view shows, writes
 labels and probabilities to a CSV log, and never stores, sends or logs a
 picture. Runs as a hardened service without network, one for each camera,
 or as a live window.
CONTROL
find "$root" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
touch -d "@$SOURCE_DATE_EPOCH" "$root/DEBIAN/md5sums" "$root/DEBIAN"
mkdir -p "$checkout/dist"
[ $((size * 1024)) -lt 250000000 ] || fail "$((size * 1024)) bytes installed, expected fewer than 250,000,000"
out=$checkout/dist/fer-edge_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$out" >/dev/null
say "$out: $((size * 1024 / 1000000)) MB installed, $(($(stat -c %s "$out") / 1000000)) MB to copy"
