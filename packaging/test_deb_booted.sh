#!/bin/sh
# Tries the package in a clean Debian 12 that runs its systemd, without a network: one command
# installs, a second one shows that it works. Called by test_deb.sh.
#
#   sudo packaging/test_deb_booted.sh DEBIAN.tar OLD.deb NEW.deb
#
# OLD.deb is the same package as version 0.0.1. Needs systemd-nspawn (package systemd-container).
set -eu
fail() { printf 'test_deb_booted.sh: FAILED: %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok: booted: %s\n' "$1"; }

if [ "${1:-}" != --inside ]; then
  [ $# = 3 ] || fail "expected a Debian, an old and a new package"
  command -v systemd-nspawn >/dev/null || fail "systemd-nspawn is missing: apt-get install systemd-container"
  work=$(mktemp -d /tmp/fer-deb.XXXXXX)
  booted=
  clean() {
    if [ -n "$booted" ]; then
      # Its first process: with it all others of the container end, and so does systemd-nspawn.
      for first in $(ps -o pid= --ppid "$booted"); do kill -KILL "$first"; done
      wait "$booted" 2>/dev/null || true
    fi
    rm -rf "$work"
  }
  trap clean EXIT
  mkdir "$work/root"
  tar -C "$work/root" -xf "$1" --exclude='./dev/*'
  cp "$2" "$work/root/old.deb"
  cp "$3" "$work/root/new.deb"
  install -m 755 "$0" "$work/root/trial.sh"
  cat >"$work/root/etc/systemd/system/fer-trial.service" <<'END'
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
StandardOutput=file:/trial.log
StandardError=inherit
ExecStart=/trial.sh --inside
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/trial.code'
[Install]
WantedBy=multi-user.target
END
  mkdir -p "$work/root/etc/systemd/system/multi-user.target.wants"
  ln -s ../fer-trial.service "$work/root/etc/systemd/system/multi-user.target.wants/"
  systemd-nspawn -b --register=no --keep-unit --private-network -D "$work/root" --machine=fer-deb --resolv-conf=off \
    >"$work/console.log" 2>&1 </dev/null &
  booted=$!
  n=0
  while [ ! -s "$work/root/trial.code" ]; do
    n=$((n + 1))
    [ $n -lt 600 ] || { tail -20 "$work/console.log"; cat "$work/root/trial.log"; fail "no result after 600 s"; }
    kill -0 $booted 2>/dev/null || { tail -20 "$work/console.log"; fail "it does not boot"; }
    sleep 1
  done
  grep '^ok' "$work/root/trial.log" || true
  code=$(cat "$work/root/trial.code")
  [ "$code" = 0 ] || { tail -40 "$work/root/trial.log"; fail "status $code inside"; }
  exit 0
fi

# -- inside, as root ----------------------------------------------------------------------------

set -x
config=/etc/fer-edge/kiosk.yaml
soon() {
  left=$1 what=$2
  shift 2
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || { journalctl -u 'fer-runtime*' --no-pager -n 30; fail "$what"; }
    sleep 1
  done
  ok "$what"
}
state() { fer-runtime --status | head -1 | grep -q "^$1"; }
running() { fer-runtime --status --all | grep -q "^$1 *running"; }
pid() { systemctl show -p MainPID --value fer-runtime; }
apt='apt-get -y -q -o Dpkg::Options::=--force-confold'

$apt install /old.deb
soon 10 "one command, and the service runs; without a camera it is retrying" state retrying
systemctl -q is-enabled fer-runtime srv-feredge.mount || fail "it is not enabled"
fer-runtime setup --yes --source demo --service
soon 20 "on the demo scene it is running" state running
soon 10 "with a log for the group" sh -c 'tail -1 /srv/feredge/log.csv | grep -q blend'
[ "$(ps -o user= -p "$(pid)")" != root ] || fail "it runs as root"
for side in left right; do fer-runtime setup --instance $side --yes --source demo --service; done
for name in kiosk left right; do soon 20 "$name is running" running $name; done

before=$(pid)
$apt install /new.deb
again() { [ "$(pid)" != "$before" ] && [ "$(pid)" != 0 ] && state running; }
soon 30 "an upgrade starts it again" again
for side in left right; do soon 30 "$side again" running $side; done
grep -q 'source: "demo"' $config || fail "the upgrade lost the settings"
systemctl stop fer-runtime@left
systemctl disable fer-runtime@left

# Removed, and installed again: it is as it was.
$apt remove fer-edge
pgrep -f /opt/fer-edge/bin/fer-runtime && fail "remove leaves a process"
ok "remove stops all of them"
[ -s $config ] || fail "remove takes the settings"
$apt install /new.deb
soon 20 "installed again it runs with its settings" state running
$apt purge fer-edge 2>&1 | tee /purge.log
grep -q 'the logs stay' /purge.log || fail "purge does not say that the logs stay"
pgrep -f /opt/fer-edge/bin/fer-runtime && fail "purge leaves a process"
for folder in fer-edge fer-edge-cameras/left fer-edge-cameras/right; do
  [ -s /var/log/private/$folder/log.csv ] || fail "purge takes the log of $folder"
done
found=$(find / -xdev \( -name '*fer-edge*' -o -name '*fer-runtime*' -o -name '*feredge*' -o -name '*fercameras*' \) \
  ! -path '/proc/*' ! -path '/sys/*' ! -path '/run/*' ! -path '/var/log/*' ! -path '/var/cache/*')
[ -z "$found" ] || fail "purge leaves $found"
ok "purge leaves the logs, and says so"
systemctl daemon-reload
[ -z "$(systemctl --failed --no-legend --plain | grep fer)" ] || fail "a unit has failed"
ok "no unit has failed"
