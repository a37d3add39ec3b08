#!/bin/sh
# Tries the image: a run without a network on a read-only disk, its health, a lost camera, its size.
#
#   packaging/test_image.sh fer-edge:VERSION
#
# Environment: PODMAN  how podman is called, default "podman"
#              RUN     further options of its run; for another processor, emulated by qemu-user,
#                      --security-opt mask=/sys/devices/system/cpu: LiteRT takes the processors that
#                      stand there for its own and ends with a segmentation fault
# Health is judged by the command, tries and intervals of the image's own HEALTHCHECK, run from
# outside: podman leaves that to systemd, which is not everywhere.
set -eu
fail() { printf 'test_image.sh: FAILED: %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$1"; }
[ $# = 1 ] || fail "expected the name of an image; build one: make image"
image=$1
podman=${PODMAN:-podman}
command -v "${podman%% *}" >/dev/null || fail "podman is missing: apt-get install podman"
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
name=fer-edge-trial-$$
clean() { $podman rm -f -t 2 $name >/dev/null 2>&1 || true; rm -rf "$work"; }
trap clean EXIT
# shellcheck disable=SC2086
run() { $podman run ${RUN:-} --network none --read-only "$@"; }
field() { $podman image inspect --format "$1" "$image"; }

$podman image exists "$image" || fail "no image $image; build one: make image"
bytes=$(field '{{.Size}}')
[ "$bytes" -le 450000000 ] || fail "$bytes bytes, expected 450,000,000 at most"
ok "size: $((bytes / 1000000)) MB, $(field '{{.Architecture}}')"
case $(field '{{.Config.User}}') in '' | 0 | 0:* | root*) fail "it runs as root" ;; esac
ok "user $(field '{{.Config.User}}')"
health=$(field '{{json .HealthCheck}}')
[ "$health" != null ] || health=$(field '{{json .Config.Healthcheck}}')
echo "$health" | grep -q -- --status || fail "no health check in the image: build it with --format docker"

run --rm "$image" --source demo --max-frames 300 --csv '' >"$work/out" 2>&1 || { cat "$work/out"; fail "the demo"; }
ok "--network none --read-only with the demo source ends with 0"
run --rm "$image" --source demo --check >"$work/out" 2>&1 || { cat "$work/out"; fail "--check"; }
ok "--check: $(tail -1 "$work/out")"
run --rm --entrypoint id "$image" -u | grep -qx 970 || fail "it runs as another user"
if run --rm --entrypoint touch "$image" /etc/x 2>/dev/null; then fail "something is writable"; fi
run --rm -e DISPLAY=:9 "$image" --source demo --show --max-frames 1 >"$work/out" 2>&1 && fail "a window without one"
! grep -q Traceback "$work/out" || { cat "$work/out"; fail "--show is a traceback"; }
grep -q '^fer-runtime: window' "$work/out" || { cat "$work/out"; fail "--show is not refused in one line"; }
ok "--show is refused: $(grep -o '^fer-runtime: [^;]*' "$work/out")"

# A network camera inside the container: it does as the file says.
chmod 755 "$work"
echo ok >"$work/mode"
cat >"$work/camera.py" <<'END'
import sys, time
sys.path.insert(0, "/support")
import cv2
from fer_runtime.frames.scene import DemoScene
from mjpeg_server import FaultyCamera
scene = DemoScene(cv2.imread("/usr/share/fer-edge/astronaut.png"))
camera = FaultyCamera(scene.frame, fps=15.0, period=60)
print(camera.port, flush=True)
while True:
    mode = open("/trial/mode").read().strip()
    if mode and mode != camera.mode:
        camera.mode = mode
    time.sleep(0.2)
END
seconds=$(echo "$health" | sed 's/.*"Interval":\([0-9]*\)000000000.*/\1/')
tries=$(echo "$health" | sed 's/.*"Retries":\([0-9]*\).*/\1/')
healthy() {
  [ "$($podman inspect --format '{{.State.Running}}' $name 2>/dev/null)" = true ] || fail "the container has ended"
  $podman exec $name fer-runtime --status >"$work/health" 2>&1
}
# soon: it becomes healthy
soon() {
  n=0
  until healthy; do
    n=$((n + 1))
    [ $n -lt 20 ] || { cat "$work/health"; $podman logs $name; fail "not healthy within 20 s"; }
    sleep 1
  done
  ok "healthy: $(head -1 "$work/health")"
}
start='/opt/fer-edge/bin/python /trial/camera.py >/tmp/port & until [ -s /tmp/port ]; do sleep 0.1; done
exec fer-runtime --config /etc/fer-edge/kiosk.yaml --source "http://127.0.0.1:$(cat /tmp/port)/video"'
run -d --name $name -v "$work:/trial:ro" -v "$here/tests/support:/support:ro" --entrypoint sh "$image" -c "$start" >/dev/null
for mode in refuse stall; do
  soon
  began=$(date +%s)
  echo $mode >"$work/mode"
  bad=0
  while [ $bad -lt "$tries" ]; do
    sleep "$seconds"
    if healthy; then bad=0; else bad=$((bad + 1)); fi
    [ $(($(date +%s) - began)) -lt 60 ] || { cat "$work/health"; fail "still healthy after 60 s without a camera"; }
  done
  took=$(($(date +%s) - began))
  [ $took -le 30 ] || fail "unhealthy after $took s, expected 30 at most"
  ok "camera lost ($mode): unhealthy after $took s: $(head -1 "$work/health")"
  echo ok >"$work/mode"
done
soon
$podman exec $name test -s /var/log/fer-edge/log.csv || fail "no rows in the log"
ok "the log has rows"
began=$(date +%s)
$podman stop -t 10 $name >/dev/null
[ "$($podman inspect --format '{{.State.ExitCode}}' $name)" = 0 ] || fail "it does not stop with 0"
[ $(($(date +%s) - began)) -lt 8 ] || fail "it does not stop when asked"
ok "it stops when asked, with 0"
echo "test_image.sh: passed"
