# The scheduler as a background process: start, stop, restart, status.
# shellcheck shell=bash

config=conf/conf.properties
pid_file=var/elves-scheduler.pid
ready_file=var/elves-scheduler.ready
log_file=var/elves-scheduler.log

# The pid file holds the pid and the start time. Prints the pid of the running scheduler; false when there is none: the
# process is gone or a zombie, or the number has since gone to another one.
scheduler_pid() {
  local pid started
  [[ -s $pid_file ]] && read -r pid started <"$pid_file" && [[ $pid =~ ^[0-9]+$ ]] && running "$pid" &&
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == elves-scheduler ]] &&
    [[ -z $started || $started == "$(start_time "$pid")" ]] && say "$pid"
}

ready_or_gone() { [[ -s $ready_file ]] || gone "$1"; }

# The program and its configuration are there and good, or this ends here.
check_startable() {
  local scheduler=$1
  [[ -x $scheduler ]] || fail "$scheduler is not there: ./control build makes it" 69
  if is_packed; then need_runtime_packages; fi
  "$scheduler" --config "$config" --check-config >/dev/null || fail "$config cannot be used, see above" "$?"
}

command_start() {
  (($# == 0)) || usage_error "start takes no argument: $1"
  local pid scheduler code=0
  if pid=$(scheduler_pid); then
    say "elves-scheduler is running already, pid $pid."
    return 0
  fi
  scheduler=$(bin_folder)/elves-scheduler
  check_startable "$scheduler"
  mkdir -p var
  rm -f "$ready_file"
  (umask 027 && : >>"$log_file") # for owner and group, as the files that the scheduler makes
  setsid "$scheduler" --config "$config" --ready-file "$ready_file" >>"$log_file" 2>&1 </dev/null &
  pid=$!
  say "$pid $(start_time "$pid")" >"$pid_file"
  wait_for 10 ready_or_gone "$pid" || fail "started as pid $pid, but it takes no jobs yet: see $log_file"
  if gone "$pid"; then
    wait "$pid" || code=$?
    rm -f "$pid_file"
    tail -n 5 "$log_file" >&2
    fail "elves-scheduler ended at once with exit code $code: see $log_file" "$((code ? code : 1))"
  fi
  say "elves-scheduler is running, pid $pid. Log: $log_file"
}

# Seconds that the configuration gives a drain.
drain_timeout() {
  local seconds
  seconds=$(sed -n 's/^[[:blank:]]*drain\.timeout[[:blank:]]*[=:[:blank:]][[:blank:]]*\([0-9]\{1,4\}\).*/\1/p' "$config" |
    tail -n 1)
  say "${seconds:-30}"
}

command_stop() {
  (($# == 0)) || usage_error "stop takes no argument: $1"
  local pid limit
  if ! pid=$(scheduler_pid); then
    rm -f "$pid_file"
    say "elves-scheduler is not running."
    return 0
  fi
  limit=$(($(drain_timeout) + 15))
  say "Stopping elves-scheduler, pid $pid: it finishes the jobs in flight first."
  kill -TERM "$pid" 2>/dev/null || true
  wait_for "$limit" gone "$pid" || fail "still running after $limit s: see $log_file; 'kill -9 $pid' ends it at once"
  rm -f "$pid_file"
  say "Stopped."
}

command_restart() {
  (($# == 0)) || usage_error "restart takes no argument: $1"
  check_startable "$(bin_folder)/elves-scheduler"
  command_stop "$@"
  command_start "$@"
}

command_status() {
  (($# == 0)) || usage_error "status takes no argument: $1"
  local pid
  if pid=$(scheduler_pid); then
    say "elves-scheduler is running, pid $pid."
  else
    say "elves-scheduler is not running."
    exit 3
  fi
}
