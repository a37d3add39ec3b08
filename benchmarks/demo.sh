#!/bin/sh
# The main job for about ten seconds: the live window where a camera and a screen are there,
# else the demo source without a window. Usage: demo.sh FER-RUNTIME OUT-FOLDER
set -eu
runtime=$1
out=$2
mkdir -p "$out"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && "$runtime" --check --show >/dev/null 2>&1; then
  echo "== live window from the first camera; q quits; readings go to $out/live.csv"
  exec "$runtime" --show --csv "$out/live.csv" --csv-interval 0.5
fi
echo "== no camera with a screen here: the demo scene, headless, for ten seconds"
rm -f "$out/demo.csv" "$out/demo.png"
"$runtime" --source demo --realtime --duration 10 --csv "$out/demo.csv" --csv-interval 0.5 \
  --demo-picture "$out/demo.png" --live-line
echo "== see $out/demo.csv and $out/demo.png; with a screen: fer-runtime --source demo --show"
