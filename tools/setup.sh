# Sourced by tools/demo and tools/check: installs what is missing from tools/packages.txt and talks about it.
# shellcheck shell=bash

# setup_packages SECTION…: the sections of tools/packages.txt that are needed ("# build:", "# run", "# check:", "# full:").
setup_packages() {
  local list="$KELPIE_ROOT/tools/packages.txt" wanted missing=()
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: this needs Debian 12 or Ubuntu: there is no apt-get here." >&2
    echo "  In a container:  podman run -it -v \"$KELPIE_ROOT\":/kelpie debian:12 /kelpie/tools/demo --once" >&2
    return 2
  fi
  wanted=$(awk -v sections="$*" '
    BEGIN { n = split(sections, names, " "); for (i = 1; i <= n; ++i) on[names[i]] = 1 }
    /^#/ { section = $2; sub(":", "", section); next }
    NF && on[section] { print $1 }' "$list")
  local package
  for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  if [ "${KELPIE_NO_INSTALL:-}" = 1 ]; then
    echo "error: missing packages: ${missing[*]}" >&2
    echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    return 2
  fi
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  if [[ "${missing[*]}" == *:arm64* ]] && ! dpkg --print-foreign-architectures | grep -qx arm64; then
    echo "+ ${as_root[*]} dpkg --add-architecture arm64"
    "${as_root[@]}" dpkg --add-architecture arm64
  fi
  echo "+ ${as_root[*]} apt-get install --no-install-recommends ${missing[*]}"
  # RUNLEVEL=1 keeps Debian's own mosquitto service from starting: ours is a child on a free port.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}

# build_preset PRESET TARGET…: configures once, builds, prints wall and CPU seconds.
build_preset() {
  local preset=$1
  shift
  local log="$KELPIE_ROOT/build/$preset.log" times
  mkdir -p "$KELPIE_ROOT/build"
  if [ ! -f "$KELPIE_ROOT/build/$preset/build.ninja" ]; then
    (cd "$KELPIE_ROOT" && cmake --preset "$preset" >"$log" 2>&1) || { tail -n 30 "$log" >&2; return 1; }
  fi
  TIMEFORMAT='%R %U %S'
  if ! times=$({ time cmake --build "$KELPIE_ROOT/build/$preset" --target "$@" >"$log" 2>&1; } 2>&1); then
    grep -E 'error|FAILED|undefined' "$log" | head -n 40 >&2
    echo "error: the build failed; the whole log is $log" >&2
    return 1
  fi
  echo "$times" | awk -v preset="$preset" '{ printf "built %s: %.0f s of wall time, %.0f CPU s\n", preset, $1, $2 + $3 }'
}
