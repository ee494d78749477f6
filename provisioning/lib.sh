# Shared by the scripts beside it; sourced, never run. Every path may hold spaces.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# wait_until SECONDS WHAT COMMAND…: until the command succeeds.
wait_until() {
  local seconds=$1 what=$2
  shift 2
  local end=$((SECONDS + seconds))
  until "$@"; do
    ((SECONDS < end)) || { printf 'gave up waiting for %s after %d s\n' "$what" "$seconds" >&2; return 1; }
    sleep 0.05
  done
}

# build_release [TARGET…]: Release, all cores, with ninja's own progress.
# shellcheck disable=SC2120
build_release() {
  # Precompiled headers and timestamps would otherwise never hit.
  export CCACHE_SLOPPINESS=pch_defines,time_macros
  local log bundles=OFF
  [[ ${CI:-} != true ]] || bundles=ON
  log=$(mktemp)
  if ! cmake -S "$top" -B "$top/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMINTMARK_BUNDLES=$bundles >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  NINJA_STATUS='  [%f of %t] ' ninja -C "$top/build/release" "$@"
}

# without_autogroups COMMAND…: each session of its own (as mintd is started by tests) is a group to Linux' scheduler, and where
# one is busy the threads of others were measured to wait for seconds. systemd's services are not grouped so. Where the setting
# cannot be written (containers) the command runs as it is.
without_autogroups() {
  local setting=/proc/sys/kernel/sched_autogroup_enabled
  if [[ $(cat "$setting" 2>/dev/null) != 1 ]] || ! printf '0\n' 2>/dev/null >"$setting"; then
    "$@"
    return
  fi
  (
    trap 'printf "1\n" >"$setting"' EXIT
    "$@"
  )
}

# alive PID: it runs; one that has ended and waits for its parent does not.
alive() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [[ -n $state && $state != Z ]]
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: the first port from FIRST on that nobody listens on.
free_port() {
  local port=$1
  until port_is_free "$port"; do port=$((port + 1)); done
  printf '%d\n' "$port"
}

# The users the front and the signer run as, when mintd is started as root.
front_user=mintmark-front
signer_user=mintmark-signer
make_users() {
  local user
  for user in "$front_user" "$signer_user"; do
    id -u "$user" >/dev/null 2>&1 ||
      useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
  done
}

running_as_root() { [[ $(id -u) -eq 0 ]]; }

# json_text TEXT: as a JSON string, quotes included.
json_text() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "$text"
}
