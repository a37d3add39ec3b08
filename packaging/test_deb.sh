#!/bin/sh
# Tries the package in a clean Debian 12 without a network: install, look, upgrade, remove, purge.
#
#   sudo packaging/test_deb.sh dist/fer-edge_*.deb [DEBIAN.tar]
#
# DEBIAN.tar is made with mmdebstrap where it is not given (two minutes, needs a network). First
# without a systemd, as when a disk is prepared, then booted (test_deb_booted.sh); what else the
# service must do is tried by tests/systemd/in_container.sh, from the same units.
set -eu
fail() { printf 'test_deb.sh: FAILED: %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$1"; }
[ $# -ge 1 ] && [ -f "$1" ] || fail "expected a .deb; build one: make deb"
[ "$(id -u)" = 0 ] || fail "needs root"
deb=$(readlink -f "$1")
tar=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=systemd-sysv,dbus,udev,procps,python3,libgl1,libglib2.0-0,libblas3,liblapack3
if [ -z "$tar" ]; then
  tar=$work/debian.tar
  mmdebstrap --variant=minbase --include=$packages bookworm "$tar"
fi
mkdir "$work/root"
tar -C "$work/root" -xf "$tar" --exclude='./dev/*'
cp "$deb" "$work/root/new.deb"
# An older version, whose sample settings are others.
dpkg-deb -R "$deb" "$work/old"
sed -i 's/^Version: .*/Version: 0.0.1/' "$work/old/DEBIAN/control"
echo '# as it was' >>"$work/old/etc/fer-edge/kiosk.yaml"
echo '# as it was' >>"$work/old/etc/udev/rules.d/70-fer-edge-camera.rules"
dpkg-deb -Zgzip -z1 --build "$work/old" "$work/root/old.deb" >/dev/null
rm -rf "$work/old"
inside() {
  unshare --net --mount-proc --fork --pid --root="$work/root" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
mkdir -p "$work/root/dev" "$work/root/proc"
[ -e "$work/root/dev/null" ] || mknod -m 666 "$work/root/dev/null" c 1 3
[ -e "$work/root/dev/urandom" ] || mknod -m 666 "$work/root/dev/urandom" c 1 9
apt='apt-get -y -q -o Dpkg::Options::=--force-confold install'

inside $apt /old.deb >"$work/log" 2>&1 || { tail -20 "$work/log"; fail "apt install without a network"; }
ok "apt install without a network"
inside fer-runtime --source demo --check || fail "fer-runtime --check"
ok "fer-runtime --check on the demo scene"
inside sh -c 'cd /tmp && fer-runtime --source demo --max-frames 30 --csv log.csv --csv-interval 0' || fail "a run"
[ "$(wc -l <"$work/root/tmp/log.csv")" -gt 20 ] || fail "a run writes rows"
ok "a run writes rows"
[ -L "$work/root/etc/systemd/system/multi-user.target.wants/fer-runtime.service" ] || fail "the service is enabled"
ok "the service is enabled"
used=$(cd "$work/root" && du -sck opt/fer-edge usr/share/fer-edge | tail -1 | cut -f1)
ok "$(($(dpkg-deb -f "$deb" Installed-Size) * 1024 / 1000000)) MB installed; $((used * 1024 / 1000000)) with what is compiled there"
[ "$(stat -c %a "$work/root/etc/fer-edge/kiosk.yaml")" = 640 ] || fail "the settings are for root and the service"
[ -s "$work/root/usr/share/bash-completion/completions/fer-runtime" ] || fail "completion"

config=$work/root/etc/fer-edge/kiosk.yaml
rule=$work/root/etc/udev/rules.d/70-fer-edge-camera.rules
network=$work/root/etc/systemd/system/fer-runtime.service.d/network.conf
echo '# edited' >>"$config"
echo '# edited' >>"$rule"
mkdir -p "$(dirname "$network")"
echo '# edited' >"$network"
inside $apt /new.deb >"$work/log" 2>&1 || { tail -20 "$work/log"; fail "upgrade"; }
for file in "$config" "$rule" "$network"; do
  grep -q '# edited' "$file" || fail "an upgrade keeps ${file#"$work/root"}"
done
[ -e "$config.dpkg-dist" ] && [ -e "$rule.dpkg-dist" ] || fail "the new ones lie beside"
grep -q 'kept, as it has been edited' "$work/log" || fail "it says that network.conf was kept"
ok "an upgrade keeps edited settings, camera rule and network.conf, with the new ones beside"

mkdir -p "$work/root/var/log/private/fer-edge"
echo rows >"$work/root/var/log/private/fer-edge/log.csv"
inside apt-get -y -q remove fer-edge >"$work/log" 2>&1 || { tail "$work/log"; fail "remove"; }
[ -s "$config" ] || fail "remove keeps the settings"
if inside sh -c 'command -v fer-runtime' >/dev/null; then fail "remove removes the command"; fi
inside apt-get -y -q purge fer-edge >"$work/log" 2>&1 || { tail "$work/log"; fail "purge"; }
grep -q 'the logs stay' "$work/log" || fail "purge says that the logs stay"
left=$(cd "$work/root" && find . -xdev \( -name '*fer-edge*' -o -name '*fer-runtime*' \) ! -path './var/log/*' ! -path './proc/*' ! -path './var/cache/*')
[ -z "$left" ] || fail "purge leaves $left"
[ -s "$work/root/var/log/private/fer-edge/log.csv" ] || fail "purge leaves the logs"
ok "remove and purge leave the logs only, and say so"
"$(dirname "$0")/test_deb_booted.sh" "$tar" "$work/root/old.deb" "$deb"
echo "test_deb.sh: passed"
