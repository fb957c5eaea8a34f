# Shared by ./control and its scripts: saying things, ending what was started, the two kinds of folder it may live in.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }
note() { printf '\033[1m==> %s\033[0m\n' "$*"; }
[[ -t 1 ]] || note() { printf '==> %s\n' "$*"; }

# fail MESSAGE [EXIT_CODE]
fail() {
  printf 'control: %s\n' "$1" >&2
  exit "${2:-1}"
}

usage_error() {
  printf 'control: %s\n' "$1" >&2
  usage >&2
  exit 64
}

# A packed release has bin/ beside control; a source tree builds into build/PRESET/bin.
is_packed() { [[ ! -f CMakeLists.txt ]]; }
bin_folder() { if is_packed; then say "$PWD/bin"; else say "$PWD/build/release/bin"; fi; }
need_sources() { ! is_packed || fail "'$1' needs the source tree; this is a packed release"; }

# What the kernel says of a process after its name: "STATE PPID ...", the state first. False when it is gone.
process_stat() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null && [[ -n $stat ]] && say "${stat##*) }"
}

# A zombie is gone: it only waits for its parent to look.
running() {
  local stat
  stat=$(process_stat "$1") && [[ $stat != [ZX]* ]]
}

# start_time PID: when it was started, in the kernel's count. With the pid it names one process.
start_time() {
  local stat fields
  stat=$(process_stat "$1") && read -ra fields <<<"$stat" && say "${fields[19]}"
}

# wait_for SECONDS COMMAND...: true as soon as the command is; false when the time is over.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

gone() { ! running "$1"; }

# end_process PID: asks it to end, insists after ten seconds.
end_process() {
  running "$1" || return 0
  kill -TERM "$1" 2>/dev/null || true
  wait_for 10 gone "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports N: N distinct free ports of 127.0.0.1, one a line.
free_ports() {
  /usr/bin/python3 - "$1" <<'PY'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print("\n".join(str(s.getsockname()[1]) for s in sockets))
PY
}
