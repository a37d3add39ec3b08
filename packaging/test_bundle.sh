#!/bin/sh
# Installs the bundle in a clean Debian 12 without a network; then a damaged and a foreign one.
#
#   sudo packaging/test_bundle.sh dist/fer-edge-*.tar.gz [DEBIAN.tar]
#
# DEBIAN.tar is made with mmdebstrap where it is not given (a minute, needs a network). The service
# itself is tried under a systemd by tests/systemd/in_container.sh, from the same units.
set -eu
fail() { printf 'test_bundle.sh: FAILED: %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$1"; }
[ $# -ge 1 ] && [ -f "$1" ] || fail "expected a bundle; build one: make bundle"
[ "$(id -u)" = 0 ] || fail "needs root"
bundle=$(readlink -f "$1")
tar=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$tar" ]; then
  tar=$work/debian.tar
  mmdebstrap --variant=minbase --include=systemd-sysv,udev,python3-venv,libgl1,libglib2.0-0 bookworm "$tar"
fi
mkdir "$work/root"
tar -C "$work/root" -xf "$tar" --exclude='./dev/*'
tar -C "$work/root/opt" -xzf "$bundle"
top=$(basename "$(echo "$work"/root/opt/fer-edge-*)")
mkdir -p "$work/root/dev" "$work/root/proc"
[ -e "$work/root/dev/null" ] || mknod -m 666 "$work/root/dev/null" c 1 3
[ -e "$work/root/dev/urandom" ] || mknod -m 666 "$work/root/dev/urandom" c 1 9
inside() {
  unshare --net --mount-proc --fork --pid --root="$work/root" \
    env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}
# one WORDS: the installer refuses in one line with these words, and nothing is installed
one() {
  if inside "/opt/$top/install.sh" --no-start >"$work/log" 2>&1; then fail "installed: $1"; fi
  [ "$(wc -l <"$work/log")" = 1 ] && grep -q "$1" "$work/log" || { cat "$work/log"; fail "expected one line: $1"; }
  [ ! -e "$work/root/opt/fer-edge" ] || fail "something is left of a refused installation"
  ok "refused: $(cat "$work/log")"
}
wheel=$(echo "$work/root/opt/$top"/wheels/numpy-*.whl)
mv "$wheel" "$work/numpy"
head -c 100000 "$work/numpy" >"$wheel"
one "damaged (./wheels/numpy"
mv "$work/numpy" "$wheel"
mv "$work/root/opt/$top/TAG" "$work/TAG"
echo riscv64-py3.9 >"$work/root/opt/$top/TAG"
one "this bundle is for riscv64-py3.9"
mv "$work/TAG" "$work/root/opt/$top/TAG"

began=$(date +%s)
inside "/opt/$top/install.sh" --no-start --extras mqtt,web >"$work/log" 2>&1 || { tail -20 "$work/log"; fail "install without a network"; }
took=$(($(date +%s) - began))
[ $took -lt 100 ] || fail "$took s: pip waits for somebody"
ok "install without a network: $took s"
if grep -qi retry "$work/log"; then grep -i retry "$work/log"; fail "pip asks somebody"; fi
inside fer-runtime --fetch-detector || fail "the detector weights are not there"
cp "$work/root/opt/$top/.cache/assets/astronaut.png" "$work/root/usr/share/fer-edge/"
inside fer-runtime --source demo --check || fail "fer-runtime --check"
inside sh -c 'cd /tmp && fer-runtime --source demo --max-frames 30 --csv log.csv --csv-interval 0' || fail "a run"
[ "$(wc -l <"$work/root/tmp/log.csv")" -gt 20 ] || fail "a run writes rows"
ok "--check on the demo scene; a run writes rows"
for file in /etc/fer-edge/kiosk.yaml /etc/systemd/system/fer-runtime.service /etc/udev/rules.d/70-fer-edge-camera.rules; do
  [ -s "$work/root$file" ] || fail "$file is missing"
done
[ -L "$work/root/etc/systemd/system/multi-user.target.wants/fer-runtime.service" ] || fail "the service is enabled"
ok "settings, units and camera rule are there, the service is enabled"
inside "/opt/$top/install.sh" --no-start >"$work/log" 2>&1 || { tail -20 "$work/log"; fail "a second time"; }
ok "it can be run again"
inside "/opt/$top/systemd/uninstall.sh" >"$work/log" 2>&1 || { tail -20 "$work/log"; fail "uninstall"; }
[ ! -e "$work/root/opt/fer-edge" ] || fail "something is left"
ok "uninstall"
echo "test_bundle.sh: passed"
