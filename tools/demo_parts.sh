# Sourced by tools/demo: the processes behind the story and how its commands are shown.
# shellcheck shell=bash

# demo_begin: a folder that only we can read, and where everything will be.
demo_begin() {
  run=$(mktemp -d "${TMPDIR:-/tmp}/kelpie-demo.XXXXXX")
  chmod 700 "$run"
  broker=tcp://127.0.0.1:$(free_port)
  export KELPIE_HUB=$run/hub.sock KELPIE_SIGN_KEY=$run/operator/operator.key
  children=()
}

clean_up() {
  local code=$? child
  [ "$code" = 0 ] || tail -n 20 "$run"/*.log >&2 || true
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
  rm -rf "$run"
}

# A port of the loopback interface that nobody listens on.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 30000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

say() { printf '\n# %s\n' "$*"; }

# show CODE COMMAND…: the command as one would type it, its output, and the exit code that the story expects.
show() {
  local expected=$1
  shift
  show_as "$expected" "$*" "$@"
}
show_as() {
  local expected=$1 typed=$2 code=0
  shift 2
  printf '$ %s\n' "${typed//$run\//}"
  "$@" 2>&1 | mask_folder || code=${PIPESTATUS[0]}
  [ "$code" = "$expected" ] || { echo "error: exit code $code, the story expects $expected" >&2; exit 1; }
  [ "$code" = 0 ] || echo "(exit code $code)"
}
# A terminal is not piped through: bars redraw themselves there.
mask_folder() { sed -u "s|$run/||g"; }

# until_true SECONDS WHAT COMMAND…: asks again until it is so.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt "$deadline" ] || { echo "error: $what did not happen in time" >&2; exit 1; }
    read -rt 0.1 <> <(:) || true
  done
}

start_broker() {
  local mosquitto
  mosquitto=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto)
  { cat "$run/hub/mosquitto.conf"; echo "user $(id -un)"; } >"$run/broker.conf"
  "$mosquitto" -c "$run/broker.conf" >"$run/broker.log" 2>&1 &
  children+=($!)
}

start_hub() {
  kelpie-hub run --config "$run/hub/hub.conf" >"$run/hub.log" 2>&1 &
  children+=($!)
  until_true 30 "the hub's readiness" kelpie hub status --timeout 1s
}

# start_fleet [FLAGS…]: the simulated devices, thirty times as fast as real ones.
start_fleet() {
  mkfifo "$run/orders"
  kelpie-sim --count 24 --speed 30 --broker "$broker" --trust "$run/operator/trust.klp" "$@" \
    <"$run/orders" >"$run/fleet.out" 2>"$run/fleet.log" &
  sim_pid=$!
  children+=("$sim_pid")
  exec {orders}>"$run/orders"
  until_true 60 "23 devices online" online_devices 23
}
tell_fleet() { echo "$*" >&"$orders"; }

online_devices() { [ "$(kelpie device list --where connection=online -o name | wc -l)" = "$1" ]; }

# none ROLLOUT FIELD…: those numbers are 0 in every wave.
none() {
  local status field
  status=$(kelpie rollout status "$1" -o json)
  for field in "${@:2}"; do
    ! grep -qE "\"$field\": *[1-9]" <<<"$status" || return 1
  done
}

# power_on_at_the_end DEVICE ROLLOUT: once the last wave is through; the device was deferred and is served then.
power_on_at_the_end() {
  until_true 170 "the end of the last wave" last_wave_is_through "$2"
  tell_fleet "power on $1"
}
last_wave_is_through() { none "$1" waiting inFlight && ! none "$1" deferred; }
