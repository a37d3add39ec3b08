#!/bin/sh
# Tries the service under a real systemd: boots a copy of this machine in a container, installs
# fer-edge there, runs it on a clip, hangs it, and sees the watchdog start it again.
#
#   sudo tests/systemd/in_container.sh
#
# Needs root, systemd-nspawn (package systemd-container), about 2 GB of memory, and what
# install.sh needs (pip's packages). This machine is not changed: the copy is an overlay in
# memory. About five minutes. Ends with 0 where everything is as it should be.
set -eu

checkout=$(cd "$(dirname "$0")/../.." && pwd)
fail() { printf 'in_container.sh: FAILED: %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$1"; }

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || fail "needs root"
  command -v systemd-nspawn >/dev/null || fail "systemd-nspawn is missing: apt-get install systemd-container"
  work=$(mktemp -d /tmp/fer-container.XXXXXX)
  booted=
  clean() {
    if [ -n "$booted" ]; then
      # Its first process: with it all others of the container end, and so does systemd-nspawn.
      for first in $(ps -o pid= --ppid "$booted"); do kill -KILL "$first"; done
      wait "$booted" 2>/dev/null || true
    fi
    umount -l "$work/root" 2>/dev/null || true
    umount -l "$work/memory" 2>/dev/null || true
    rm -rf "$work"
  }
  trap clean EXIT
  mkdir "$work/memory" "$work/root"
  mount -t tmpfs -o size=3g tmpfs "$work/memory"
  mkdir "$work/memory/upper" "$work/memory/work"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/memory/upper,workdir=$work/memory/work" "$work/root"
  # Other services of this machine have no business in the copy.
  rm -rf "$work/root/etc/systemd/system/multi-user.target.wants" "$work/root/etc/systemd/system/timers.target.wants" \
    "$work/root/etc/systemd/system/sockets.target.wants" "$work/root/etc/systemd/system/sysinit.target.wants"
  cat >"$work/root/etc/systemd/system/fer-trial.service" <<END
[Service]
Type=oneshot
EnvironmentFile=-/etc/fer-trial.env
Environment=HOME=/root
StandardOutput=file:/fer-trial.log
StandardError=inherit
ExecStart=$checkout/tests/systemd/in_container.sh --inside
ExecStopPost=/bin/sh -c 'echo "\$EXIT_STATUS" >/fer-trial.code'
[Install]
WantedBy=multi-user.target
END
  mkdir -p "$work/root/etc/systemd/system/multi-user.target.wants"
  ln -s ../fer-trial.service "$work/root/etc/systemd/system/multi-user.target.wants/"
  env | grep -E '^(PIP_|SSL_CERT|https?_proxy|HTTPS?_PROXY)' >"$work/root/etc/fer-trial.env" || true
  python=${PYTHON:-$checkout/.venv/bin/python}
  assets=$work/root$checkout/.cache/assets # in the copy, where install.sh looks first
  mkdir -p "$assets"
  FER_EDGE_ASSETS=$assets "$(dirname "$python")/fer-runtime" --fetch-assets >/dev/null
  "$python" - "$work/root/opt/clip.avi" "$assets/astronaut.png" <<'END'
import sys, cv2
from fer_runtime.frames.scene import DemoScene
scene = DemoScene(cv2.imread(sys.argv[2]))
out = cv2.VideoWriter(sys.argv[1], cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (640, 480))
for n in range(300):
    out.write(scene.frame(n))
out.release()
END
  systemd-nspawn -b --register=no --keep-unit -D "$work/root" --machine=fer-trial --resolv-conf=off \
    >"$work/console.log" 2>&1 </dev/null &
  booted=$!
  n=0
  while [ ! -s "$work/root/fer-trial.code" ]; do
    n=$((n + 1))
    [ $n -lt 900 ] || { tail -20 "$work/console.log"; cat "$work/root/fer-trial.log"; fail "no result after 900 s"; }
    kill -0 $booted 2>/dev/null || { tail -20 "$work/console.log"; fail "the container does not boot"; }
    sleep 1
  done
  grep -E '^(ok|in_container)' "$work/root/fer-trial.log" || true
  code=$(cat "$work/root/fer-trial.code")
  [ "$code" = 0 ] || { tail -60 "$work/root/fer-trial.log"; fail "status $code inside"; }
  echo "in_container.sh: passed"
  exit 0
fi

# -- inside the container, as root ------------------------------------------------------------

set -x
unit=/etc/systemd/system/fer-runtime.service
pid() { systemctl show -p MainPID --value fer-runtime; }
# soon SECONDS WHAT COMMAND...: the command succeeds within so many seconds
soon() {
  left=$1 what=$2
  shift 2
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || { journalctl -u fer-runtime --no-pager -n 30; fail "$what"; }
    sleep 1
  done
  ok "$what"
}
# check WHAT COMMAND...: the command succeeds
check() {
  what=$1
  shift
  "$@" || fail "$what"
  ok "$what"
}
state() { fer-runtime --status | head -1 | grep -q "^$1"; }
restarts() { [ "$(systemctl show -p NRestarts --value fer-runtime)" -ge "$1" ] && systemctl -q is-active fer-runtime; }

"$checkout/systemd/install.sh"
soon 5 "without its camera it is active and retrying" state retrying
systemctl stop fer-runtime
sed -i -e 's|source: "/dev/fer-camera"|source: "/opt/clip.avi"|' -e 's|  loop: false|  loop: true|' \
  -e 's|  textfile: ""|  textfile: "/run/fer-edge/fer.prom"|' /etc/fer-edge/kiosk.yaml
"$checkout/systemd/install.sh" || { journalctl -u fer-runtime --no-pager -n 30; fail "a second install"; }
check "a second install keeps the configuration" grep -q /opt/clip.avi /etc/fer-edge/kiosk.yaml
soon 10 "on a clip it is running" state running
check "the settings are for root and the service" [ "$(stat -c '%a %G' /etc/fer-edge/kiosk.yaml)" = "640 fer-edge" ]
su nobody -s /bin/sh -c 'cat /etc/fer-edge/kiosk.yaml' 2>/dev/null && fail "anybody can read the settings"
check "few threads" [ "$(ls "/proc/$(pid)/task" | wc -l)" -lt 32 ]
[ ! -e /var/lib/private/fer-edge ] || fail "a state folder that nobody needs"
check "systemctl status shows the state" sh -c 'systemctl status fer-runtime --no-pager | grep -q "Status: .running"'

useradd -G fer-edge analyst
soon 10 "an analyst of the group reads the log" su analyst -c 'tail -1 /srv/feredge/log.csv | grep -q blend'
su analyst -c 'touch /srv/feredge/x' 2>/dev/null && fail "an analyst can write"
su nobody -s /bin/sh -c 'cat /srv/feredge/log.csv' 2>/dev/null && fail "anybody can read the log"
check "monitoring reads the status" su nobody -s /bin/sh -c 'fer-runtime --status'
check "and the metrics" su nobody -s /bin/sh -c 'grep -q "^fer_face_seconds_total.*happy" /run/fer-edge/fer.prom'
check "system calls are filtered" grep -q 'Seccomp:.*2' "/proc/$(pid)/status"

# Two cameras beside the single one.
cp /opt/clip.avi /opt/other.avi
instance() { systemctl show -p "$2" --value "fer-runtime@$1"; }
named() { fer-runtime --status --all | grep -q "^$1 *$2"; }
for side in left right; do
  [ $side = left ] && clip=/opt/clip.avi || clip=/opt/other.avi
  fer-runtime setup --instance $side --yes --source $clip
  sed -i 's|  loop: false|  loop: true|' /etc/fer-edge/$side.yaml
  fer-runtime setup --instance $side --yes --service
done
check "setup keeps what was edited" grep -q '  loop: true' /etc/fer-edge/left.yaml
for name in kiosk left right; do soon 20 "--status --all: $name is running" named $name running; done
fer-runtime --status --all | grep '^right' | grep -q other.avi || fail "right is not on its own source"
systemctl enable --now srv-fercameras.mount
for side in left right; do
  soon 10 "an analyst of the group reads the log of $side" su analyst -c "tail -1 /srv/fercameras/$side/log.csv | grep -q blend"
  journalctl -u fer-runtime@$side --no-pager | grep -q "before camera $side" || fail "$side has no journal of its own"
done
right=$(instance right MainPID)
single=$(pid)
kill -KILL "$(instance left MainPID)"
left_again() { [ "$(instance left NRestarts)" -ge 1 ] && named left running; }
soon 30 "one that is killed is started again" left_again
check "the others do not notice" [ "$(instance right MainPID) $(pid)" = "$right $single" ]
fer-runtime setup --instance right --yes --source /dev/none --service
soon 10 "one without its camera is retrying" named right retrying
code=0
fer-runtime --status --all || code=$?
check "the code is that of the one that is worst off" [ $code = 69 ]
fer-runtime setup --instance right --yes --no-service
check "setup switches one off" [ "$(systemctl is-enabled fer-runtime@right) $(systemctl is-active fer-runtime@right)" = "disabled inactive" ]

kill -STOP "$(pid)"
soon 60 "a stopped process is started again by the watchdog" restarts 1
journalctl -u fer-runtime --no-pager | grep -q "Watchdog timeout" || fail "it was not the watchdog"
mkdir -p $unit.d
printf '[Service]\nEnvironment=FER_EDGE_FAULT=hang_after_s=5\n' >$unit.d/fault.conf
systemctl daemon-reload
systemctl restart fer-runtime
soon 60 "a hanging loop is started again by the watchdog" restarts 1
rm $unit.d/fault.conf
systemctl daemon-reload
systemctl restart fer-runtime
kill -KILL "$(pid)"
soon 30 "a killed process is started again" restarts 1

cp /etc/fer-edge/kiosk.yaml /tmp/good
echo 'nonsense: {a: 1}' >>/etc/fer-edge/kiosk.yaml
before=$(pid)
systemctl reload fer-runtime
sleep 2
check "a bad configuration changes nothing on reload" [ "$(pid)" = "$before" ]
systemctl restart fer-runtime || true
sleep 15
[ "$(systemctl show -p NRestarts,ExecMainStatus --value fer-runtime | sort | tr '\n' ' ')" = "0 78 " ] ||
  fail "a bad configuration is not 78 without restart"
ok "a bad configuration ends with 78 and is not tried again"
cp /tmp/good /etc/fer-edge/kiosk.yaml
systemctl start fer-runtime
started=$(date +%s%N)
systemctl stop fer-runtime
check "it stops within two seconds" [ $(($(date +%s%N) - started)) -lt 2000000000 ]

echo '# mine' >>/etc/udev/rules.d/70-fer-edge-camera.rules
(umask 077 && "$checkout/systemd/install.sh" --network)
soon 10 "after an update with a strict umask it is running" state running
check "an edited camera rule is kept" grep -q '# mine' /etc/udev/rules.d/70-fer-edge-camera.rules

# The web interface in the hardened unit with network.conf, and one for each of two instances.
# listen NAME PORT: the settings of an instance name a port; the container shares the machine's
listen() { sed -i "s|^  listen: .*|  listen: \"127.0.0.1:$2\"|" "/etc/fer-edge/$1.yaml"; }
now() { curl -fsS --max-time 5 "http://127.0.0.1:$1/now" | grep -q "\"device\": *\"$2\""; }
listen kiosk 28765
rm $unit.d/network.conf
"$checkout/systemd/install.sh" --extras web
soon 10 "without network.conf it runs" state running
check "and says why it has no web interface" sh -c 'journalctl -u fer-runtime --no-pager | grep -q "28765/ cannot be listened on.*no network"'
"$checkout/systemd/install.sh" --network --no-start
fer-runtime setup --instance left --yes --web 127.0.0.1:28766 --network
fer-runtime setup --instance right --yes --web 127.0.0.1:28767 --network --source /opt/other.avi
sed -i 's|^IPAddressAllow=any|IPAddressAllow=localhost|' $unit.d/network.conf /etc/systemd/system/fer-runtime@.service.d/network.conf
systemctl daemon-reload
systemctl restart fer-runtime
for side in left right; do fer-runtime setup --instance $side --yes --service; done
host=$(hostname)
soon 20 "the hardened unit answers at its web port" now 28765 "$host"
soon 20 "so does left at its own" now 28766 "$host-left"
soon 20 "and right" now 28767 "$host-right"
check "each with the page" sh -c 'for p in 28765 28766 28767; do curl -fsS http://127.0.0.1:$p/ | grep -q "<html" || exit 1; done'
check "and metrics" sh -c 'curl -fsS http://127.0.0.1:28766/metrics | grep -q "^fer_face_seconds_total"'
check "a foreign name is refused" [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' http://127.0.0.1:28765/now)" = 403 ]
check "--status --all names all three" [ "$(fer-runtime --status --all | grep -c running)" = 3 ]
listen right 28766
systemctl restart fer-runtime@right
soon 20 "right runs although left has its port" named right running
taken() { [ "$(journalctl -u fer-runtime@right --no-pager | grep -c '28766/ cannot be listened on')" = "$1" ]; }
soon 10 "that is one line" taken 1
sleep 12 # two more tries
check "and stays one line" taken 1
check "left still answers there" now 28766 "$host-left"
systemctl stop fer-runtime@left
soon 20 "right has the port when left lets it go" now 28766 "$host-right"
systemctl start fer-runtime@left

"$checkout/systemd/uninstall.sh"
check "an edited camera rule is kept beside the settings" grep -q '# mine' /etc/fer-edge/70-fer-edge-camera.rules
for gone in /opt/fer-edge /usr/share/fer-edge $unit /etc/systemd/system/multi-user.target.wants/fer-runtime@left.service \
  /etc/systemd/system/fer-runtime@.service /etc/systemd/system/fer-runtime@.service.d /usr/local/bin/fer-runtime; do
  [ ! -e $gone ] || fail "$gone is left behind"
done
check "settings are kept" [ -s /etc/fer-edge/kiosk.yaml ]
check "logs are kept" [ -s /var/log/private/fer-edge/log.csv ]
