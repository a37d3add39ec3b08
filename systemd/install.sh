#!/bin/sh
# Installs fer-edge as a service; can be run again at any time, to update or repair.
set -eu
# The service is another user than root: with a stricter mask it could not read its own program.
umask 022

usage() {
  cat <<'END'
Usage: systemd/install.sh [options]

Without options (as root): the headless service of the system, in /opt/fer-edge.

  --user         the live window for the session of the user who runs this (not as root)
  --prefix DIR   where the Python environment goes
                 (default /opt/fer-edge, with --user ~/.local/share/fer-edge/env)
  --wheel FILE   install this wheel instead of the checkout
  --extras LIST  optional parts: mqtt, web or mqtt,web
  --network      let the service use the network (needed by network cameras, MQTT, the web interface)
  --no-start     install and enable, but do not start
  --dry-run      say what would be done, and do nothing
  --help         this text

Environment: PYTHON   the interpreter to build upon (default /usr/bin/python3)
             DESTDIR  a folder to install into instead of /, for packagers and tests

What has been edited is kept: settings, network.conf and the camera rule; a newer one is written
beside it as NAME.new. Nothing is asked.
END
}

say() { printf '== %s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
run() {
  if [ "$dry" = yes ]; then printf '   would run: %s\n' "$*"; else "$@"; fi
}
# filled SOURCE: its text with /opt/fer-edge replaced by the prefix.
filled() { sed -e "s|/opt/fer-edge|$prefix|g" -e "s|%h/.local/share/fer-edge/env|$prefix|g" "$1"; }
# put SOURCE TARGET MODE: install a file.
put() {
  if [ "$dry" = yes ]; then printf '   would write: %s\n' "$2"; return; fi
  mkdir -p "$(dirname "$2")"
  filled "$1" >"$2.part"
  chmod "$3" "$2.part"
  mv -f "$2.part" "$2"
}
# edited SOURCE TARGET: whether TARGET is there, differs from SOURCE, and is not what was written
# last time. A copy of that is in share/fer-edge; without one, as from 0.1.0, it may be edited.
edited() {
  [ -e "$2" ] || return 1
  if filled "$1" | cmp -s - "$2"; then return 1; fi
  ! cmp -s "$share/$(basename "$1")" "$2"
}
# offer SOURCE TARGET MODE: install a file that is there to be edited: what was edited stays.
offer() {
  update "$@"
  put "$1" "$share/$(basename "$1")" 644
}
# update SOURCE TARGET MODE: the same for one of several that have the same source.
update() {
  if edited "$1" "$2"; then
    if filled "$1" | cmp -s - "$share/$(basename "$1")"; then
      say "kept, as it has been edited: $2"
    else
      say "kept, as it has been edited: $2; the new one is beside it: $2.new"
      put "$1" "$2.new" "$3"
    fi
  else
    put "$1" "$2" "$3"
    run rm -f "$2.new"
  fi
}
# replace SOURCE TARGET MODE: install a file that must fit the program; an edited one is put aside.
replace() {
  if edited "$1" "$2"; then
    say "replaced: $2; the old one, which has been edited or is of another version, is $2.old"
    run mv -f "$2" "$2.old"
  fi
  put "$1" "$2" "$3"
  put "$1" "$share/$(basename "$1")" 644
}

user=no dry=no start=yes network=no prefix='' wheel='' extras=''
while [ $# -gt 0 ]; do
  case $1 in
    --user) user=yes ;;
    --dry-run) dry=yes ;;
    --no-start) start=no ;;
    --network) network=yes ;;
    --prefix|--wheel|--extras)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
      case $1 in --prefix) prefix=$2 ;; --wheel) wheel=$2 ;; --extras) extras=$2 ;; esac
      shift ;;
    --help|-h) usage; exit 0 ;;
    *) fail "unknown option $1; see --help" 2 ;;
  esac
  shift
done

root=${DESTDIR:-}
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(dirname "$here")
python=${PYTHON:-/usr/bin/python3}

# -- what must be so before anything is changed ----------------------------------------------

if [ "$user" = yes ]; then
  [ "$(id -u)" != 0 ] || [ "$dry" = yes ] || fail "--user installs for the user who runs it: run it without sudo" 2
  data=${XDG_DATA_HOME:-$HOME/.local/share}/fer-edge
  : "${prefix:=$data/env}"
  config=${XDG_CONFIG_HOME:-$HOME/.config}/fer-edge
  units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
  assets=$data
  unit=fer-runtime-show.service
  systemctl="systemctl --user"
else
  [ "$(id -u)" = 0 ] || [ "$dry" = yes ] || fail "the service of the system is installed by root: sudo systemd/install.sh" 2
  : "${prefix:=/opt/fer-edge}"
  config=$root/etc/fer-edge
  units=$root/etc/systemd/system
  assets=$root/usr/share/fer-edge
  unit=fer-runtime.service
  systemctl=systemctl
fi
case $prefix in
  /*) ;;
  *) fail "--prefix: expected a path from the root, received $prefix" 2 ;;
esac
case $prefix in
  *[!A-Za-z0-9/._-]*) fail "--prefix: expected letters, digits and / . _ - only, received $prefix" 2 ;;
esac
case $prefix/ in
  */../*) fail "--prefix: expected a path without .., received $prefix" 2 ;;
esac
# pip only warns of a part that there is not; the service would miss it at its start.
case $extras in
  ''|mqtt|web|mqtt,web|web,mqtt) ;;
  *) fail "--extras: expected mqtt, web or mqtt,web, received $extras" 2 ;;
esac
if [ "$user" = no ]; then
  # The service cannot see home directories (ProtectHome=).
  case ${prefix#"$root"}/ in /home/*|/root/*|/tmp/*) fail "--prefix: the service cannot see $prefix; choose another place" 2 ;; esac
  case $(readlink -f "$python" 2>/dev/null || true) in
    /home/*|/root/*) fail "$python lies in a home directory, which the service cannot see; set PYTHON=/usr/bin/python3" 2 ;;
  esac
fi
command -v systemctl >/dev/null || fail "systemctl is missing: this needs systemd"
[ -x "$python" ] || fail "$python is missing; on Debian and Ubuntu: sudo apt-get install python3 python3-venv"
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "expected Python 3.10 or newer, received $("$python" --version 2>&1); set PYTHON"
"$python" -I -c 'import ensurepip, venv' 2>/dev/null ||
  fail "the module venv is missing; on Debian and Ubuntu: sudo apt-get install python3-venv libgl1 libglib2.0-0"
if [ -n "$wheel" ]; then
  [ -f "$wheel" ] || fail "--wheel: no file $wheel" 2
  wheel=$(readlink -f "$wheel")
else
  [ -f "$checkout/setup.cfg" ] || fail "$checkout is not a checkout of fer-edge; give --wheel FILE" 2
fi
if [ -e "$prefix" ] && [ ! -e "$prefix/pyvenv.cfg" ] && [ -n "$(ls -A "$prefix")" ]; then
  fail "--prefix: $prefix is there and is not an environment of ours; choose another place" 2
fi

share=$prefix/share/fer-edge

cd / # pip fails in a folder that has been deleted

# -- environment -----------------------------------------------------------------------------

say "environment in $prefix"
if [ ! -x "$prefix/bin/python" ] || ! "$prefix/bin/python" -c '' 2>/dev/null; then
  run "$python" -m venv --clear "$prefix"
fi
if [ -n "$wheel" ]; then
  run "$prefix/bin/python" -m pip install --disable-pip-version-check --force-reinstall --no-deps "$wheel"
  run "$prefix/bin/python" -m pip install --disable-pip-version-check "$wheel${extras:+[$extras]}"
else
  # A copy is built, so that nothing is left in the checkout.
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  for part in setup.cfg pyproject.toml README.md LICENSE runtime training converter models; do
    [ ! -e "$checkout/$part" ] || cp -R "$checkout/$part" "$build/"
  done
  run "$prefix/bin/python" -m pip install --disable-pip-version-check "$build${extras:+[$extras]}"
fi

if [ "$dry" = no ]; then
  said=$("$prefix/bin/python" -I -c 'import cv2' 2>&1) || fail "OpenCV cannot be loaded: \
$(printf '%s\n' "$said" | tail -n 1); on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
fi

# -- files -----------------------------------------------------------------------------------

say "detector weights in $assets"
for file in "$checkout"/.cache/assets/*.onnx; do # fetched already for the checkout
  [ ! -f "$file" ] || [ -e "$assets/$(basename "$file")" ] || {
    run mkdir -p "$assets"
    run install -m 644 "$file" "$assets/"
  }
done
# Not the demo's portrait: 15 MB that a kiosk never shows.
run env FER_EDGE_ASSETS="$assets" "$prefix/bin/fer-runtime" --fetch-detector

say "configuration in $config"
put "$here/kiosk.yaml" "$share/kiosk.yaml" 644
[ ! -f "$checkout/docs/operating.md" ] || put "$checkout/docs/operating.md" "$share/operating.md" 644
[ ! -f "$checkout/docs/es/operating.md" ] || put "$checkout/docs/es/operating.md" "$share/operating.es.md" 644
if [ "$user" = no ]; then
  getent group fer-edge >/dev/null || run groupadd --system fer-edge
  getent group video >/dev/null || run groupadd --system video
fi
if [ -e "$config/kiosk.yaml" ]; then
  say "kept: $config/kiosk.yaml (the newest sample is $share/kiosk.yaml)"
elif [ "$user" = yes ]; then
  if [ "$dry" = yes ]; then printf '   would write: %s\n' "$config/kiosk.yaml"; else
    mkdir -p "$config"
    sed -e "s|/var/log/fer-edge/log.csv|$data/log.csv|" -e "s|/run/fer-edge/status.json|$data/status.json|" \
      -e 's|"/dev/fer-camera"|"0"|' "$here/kiosk.yaml" >"$config/kiosk.yaml"
  fi
else
  put "$here/kiosk.yaml" "$config/kiosk.yaml" 640
fi
# The password of a network camera may be in it. The service reads it through its group.
if [ "$user" = yes ]; then
  run chmod 600 "$config/kiosk.yaml"
else
  run chgrp fer-edge "$config/kiosk.yaml"
  run chmod o= "$config/kiosk.yaml"
  run chmod g+r "$config/kiosk.yaml"
fi

say "unit $units/$unit"
replace "$here/$unit" "$units/$unit" 644
if [ "$user" = no ]; then
  replace "$here/srv-feredge.mount" "$units/srv-feredge.mount" 644
  replace "$here/fer-runtime@.service" "$units/fer-runtime@.service" 644
  replace "$here/srv-fercameras.mount" "$units/srv-fercameras.mount" 644
  offer "$here/70-fer-edge-camera.rules" "$root/etc/udev/rules.d/70-fer-edge-camera.rules" 644
  # Those of instances first: what offer leaves in share tells whether they have been edited.
  for there in "$units"/fer-runtime@*.service.d/network.conf; do
    [ ! -e "$there" ] || update "$here/network.conf" "$there" 644
  done
  # Once it is there it is kept up to date, with --network or without.
  if [ "$network" = yes ] || [ -e "$units/$unit.d/network.conf" ]; then
    offer "$here/network.conf" "$units/$unit.d/network.conf" 644
  else
    put "$here/network.conf" "$share/network.conf" 644
  fi
  run mkdir -p "$root/usr/local/bin"
  run ln -sf "$prefix/bin/fer-runtime" "$root/usr/local/bin/fer-runtime"
  if [ -z "$root" ] && [ -S /run/udev/control ]; then
    run udevadm control --reload
    run udevadm trigger --subsystem-match=video4linux
  fi
fi

# -- start -----------------------------------------------------------------------------------

say "is the configuration good?"
if [ "$dry" = no ]; then
  "$prefix/bin/fer-runtime" --config "$config/kiosk.yaml" --print-config >/dev/null
fi
# Preparing a disk whose systemd does not run: there is nobody to tell.
if [ "$start" = yes ] || [ "$user" = yes ] || [ -d /run/systemd/system ]; then
  run $systemctl daemon-reload
fi
run $systemctl enable "$unit"
if [ "$start" = yes ]; then
  say "start"
  if [ "$user" = yes ] && ! $systemctl --quiet is-active graphical-session.target; then
    say "no graphical session here: the window opens at the next login"
  else
    run $systemctl restart "$unit" || fail "it does not start; see: journalctl -u $unit -n 20"
    run $systemctl --no-pager --lines=5 status "$unit" || true
  fi
fi
if [ "$user" = no ]; then
  run systemctl enable srv-feredge.mount
  [ "$start" = no ] || run systemctl start srv-feredge.mount || say "logs are not shown at /srv/feredge yet"
fi
say "done"
if [ "$user" = no ]; then
  cat <<END
   settings   $config/kiosk.yaml (root only), then: systemctl restart fer-runtime
   status     systemctl status fer-runtime; fer-runtime --status
   log        /var/log/fer-edge/log.csv (root), /srv/feredge/log.csv (group fer-edge)
   an analyst may read it after: usermod -aG fer-edge NAME
   camera     fer-runtime --list-cameras; a USB camera is /dev/fer-camera
END
else
  cat <<END
   settings   $config/kiosk.yaml, then: systemctl --user restart $unit
   status     systemctl --user status $unit
   start now  systemctl --user start $unit
END
fi
