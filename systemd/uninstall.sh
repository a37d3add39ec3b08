#!/bin/sh
# Removes what install.sh has installed. Logs and configuration stay.
set -eu

usage() {
  cat <<'END'
Usage: systemd/uninstall.sh [--user] [--prefix DIR] [--dry-run]

  --user         remove the live window of the user who runs this
  --prefix DIR   as given to install.sh
  --dry-run      say what would be done, and do nothing

Logs (/var/log/fer-edge) and configuration (/etc/fer-edge) stay; network.conf, camera rule and
units that have been edited are moved to the configuration.
END
}

say() { printf '== %s\n' "$*"; }
fail() { printf 'uninstall.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
run() {
  if [ "$dry" = yes ]; then printf '   would run: %s\n' "$*"; else "$@"; fi
}

# forget FILE [NAME]: remove it; where it is not as install.sh has written it, keep it in the
# configuration, under another name where one is given.
forget() {
  [ -e "$1" ] || return 0
  if cmp -s "$prefix/share/fer-edge/$(basename "$1")" "$1"; then
    run rm -f "$1"
  else
    say "kept, as it has been edited: $config/${2:-$(basename "$1")}"
    run mkdir -p "$config"
    run mv -f "$1" "$config/${2:-$(basename "$1")}"
  fi
}

user=no dry=no prefix='' root=${DESTDIR:-}
while [ $# -gt 0 ]; do
  case $1 in
    --user) user=yes ;;
    --dry-run) dry=yes ;;
    --prefix) [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2; prefix=$2; shift ;;
    --help|-h) usage; exit 0 ;;
    *) fail "unknown option $1; see --help" 2 ;;
  esac
  shift
done

if [ "$user" = yes ]; then
  [ "$(id -u)" != 0 ] || [ "$dry" = yes ] || fail "--user removes what the user who runs it has: run it without sudo" 2
  data=${XDG_DATA_HOME:-$HOME/.local/share}/fer-edge
  : "${prefix:=$data/env}"
  config=${XDG_CONFIG_HOME:-$HOME/.config}/fer-edge
  units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
  names=fer-runtime-show.service
  logs=$data/log.csv
  systemctl="systemctl --user"
else
  [ "$(id -u)" = 0 ] || [ "$dry" = yes ] || fail "the service of the system is removed by root: sudo systemd/uninstall.sh" 2
  : "${prefix:=/opt/fer-edge}"
  config=$root/etc/fer-edge
  units=$root/etc/systemd/system
  names="srv-feredge.mount srv-fercameras.mount fer-runtime.service fer-runtime@.service"
  logs=/var/log/fer-edge
  systemctl=systemctl
fi

# A template is disabled by its instances' names.
if [ "$user" = no ]; then
  for link in "$units"/multi-user.target.wants/fer-runtime@*.service; do
    [ ! -L "$link" ] || run $systemctl disable --now "$(basename "$link")" || true
  done
fi
for name in $names; do
  if [ -e "$units/$name" ]; then
    say "remove $name"
    case $name in *@*) ;; *) run $systemctl disable --now "$name" || true ;; esac
    forget "$units/$name"
  fi
done
run $systemctl daemon-reload || true
if [ "$user" = no ]; then
  rules=$root/etc/udev/rules.d/70-fer-edge-camera.rules
  run rm -f "$units/fer-runtime.service.d/network.conf.new" "$rules.new"
  forget "$units/fer-runtime@.service.d/network.conf" network@.conf
  forget "$units/fer-runtime.service.d/network.conf"
  forget "$rules"
  for folder in "$units/fer-runtime.service.d" "$units/fer-runtime@.service.d" "$root/srv/feredge" "$root/srv/fercameras"; do
    [ ! -d "$folder" ] || run rmdir --ignore-fail-on-non-empty "$folder"
  done
  command=$root/usr/local/bin/fer-runtime
  if [ -L "$command" ] && [ "$(readlink "$command")" = "$prefix/bin/fer-runtime" ]; then
    run rm -f "$command"
  fi
  run rm -rf "$root/usr/share/fer-edge"
  # Nothing is kept there; 0.1.0 had systemd make it.
  state=$root/var/lib/private/fer-edge
  [ ! -d "$state" ] || run rmdir --ignore-fail-on-non-empty "$state"
  [ ! -L "$root/var/lib/fer-edge" ] || [ -d "$state" ] || run rm -f "$root/var/lib/fer-edge"
else
  run rm -f "$data/face_detection_yunet_2023mar.onnx" "$data/astronaut.png" "$data/status.json" \
    "$data/status.json.lock"
fi
if [ -e "$prefix/pyvenv.cfg" ]; then
  say "remove $prefix"
  run rm -rf "$prefix"
fi
say "done; kept: $config and $logs"
