# Shows the product at work on parts of its own: free ports of 127.0.0.1, a temporary folder, everything ended at the end.
# shellcheck shell=bash

demo_pids=()
demo_ports=() # AMQP, scheduler, agent, job API, Erlang distribution, epmd
demo_folder=
demo_bin=

demo_end() {
  local i
  for ((i = ${#demo_pids[@]} - 1; i >= 0; --i)); do end_process "${demo_pids[i]}"; done
  stop_broker
  rm -rf "$demo_folder"
}

demo_up_or_gone() { port_open "$1" || gone "$2"; }

# demo_process NAME PORT ARGUMENT...: the program NAME in the background; back when it listens on PORT.
demo_process() {
  local name=$1 port=$2
  shift 2
  (cd "$demo_folder" && exec "$demo_bin/$name" "$@") >"$demo_folder/$name.log" 2>&1 </dev/null &
  demo_pids+=($!)
  wait_for 20 demo_up_or_gone "$port" "$!" || true
  if ! port_open "$port"; then
    tail -n 20 "$demo_folder/$name.log" >&2
    fail "$name does not start"
  fi
}

# demo_run ARGUMENT...: prints an elvesctl command as a user would type it, then runs it.
demo_run() {
  printf '\n$ elvesctl'
  printf ' %q' "$@"
  printf '\n'
  "$demo_bin/elvesctl" "$@"
}

# demo_config AMQP SCHEDULER AGENT API: one file for each program.
demo_config() {
  cat >"$demo_folder/conf.properties" <<TEXT
mq.port=$1
thrift.scheduler.host=127.0.0.1
thrift.scheduler.port=$2
thrift.agent.port=$3
admin.listen=127.0.0.1:$4
log.level=info
TEXT
  cat >"$demo_folder/cfg.json" <<JSON
{
  "asset": "demo", "ip": "127.0.0.1", "port": $3, "authips": ["127.0.0.1"],
  "scheduler": {"addr": "127.0.0.1", "port": $2, "timeout": 5},
  "apps": {"apptest": "1.0"}
}
JSON
}

# Ports, folder and the end of it all: what both demos share.
demo_begin() {
  demo_bin=$(bin_folder)
  demo_folder=$(mktemp -d "${TMPDIR:-/tmp}/elves-demo-XXXXXX")
  trap demo_end EXIT
  trap 'exit 130' INT TERM
  mapfile -t demo_ports < <(free_ports 6)
  demo_config "${demo_ports[@]:0:4}"
  export ELVES_URL="http://127.0.0.1:${demo_ports[3]}"
}

demo_start() {
  demo_process elves-scheduler "${demo_ports[3]}" --config conf.properties "$@"
  demo_process elves-agent "${demo_ports[2]}" --config cfg.json --apps "$PWD/apps"
}

demo_jobs() {
  local job
  note "A synchronous job: elvesctl waits for its result"
  demo_run run 127.0.0.1 apptest hello world

  note "An asynchronous job: submitted now, looked at later"
  demo_run submit 127.0.0.1 apptest hello world | tee "$demo_folder/submitted"
  job=$(grep -Eo '[0-9A-F]{16}' "$demo_folder/submitted")
  demo_run job --wait "$job"
}

demo_message() {
  cat <<'JSON'
{
    "mqkey": "openapi.scheduler.sendSync.88499CCA100F214",
    "mqtype": "cast",
    "id": "88499CCA100F214",
    "agent_ip": "127.0.0.1",
    "mode": "sap",
    "app": "apptest",
    "func": "hello",
    "param": "",
    "timeout": 0,
    "proxy": ""
}
JSON
}

demo_broker() {
  note "A private RabbitMQ on 127.0.0.1:${demo_ports[0]}"
  start_broker "$demo_folder/rabbitmq" "${demo_ports[0]}" "${demo_ports[4]}" "${demo_ports[5]}"
  demo_start
  note "The sendSync message of the Elves documents, with this machine's address, app and function:"
  demo_message | tee "$demo_folder/sendSync.json"
  note "The reply:"
  demo_run send --pretty --amqp "amqp://guest:guest@127.0.0.1:${demo_ports[0]}" --exchange elves --key openapi.scheduler \
    "$demo_folder/sendSync.json"
}

command_demo() {
  local packages=("${demo_packages[@]}")
  case ${1-} in
    '') ;;
    --broker) packages+=("${broker_packages[@]}") ;;
    *) usage_error "demo: unknown option $1" ;;
  esac
  need_packages "${packages[@]}"
  if is_packed; then need_runtime_packages; else build_programs; fi
  demo_begin
  if [[ ${1-} == --broker ]]; then
    demo_broker
  else
    note "A standalone scheduler and an agent with the app apptest, on this machine"
    demo_start --standalone
    demo_jobs
  fi
  note "Done; ending what was started"
}
