# A RabbitMQ of one's own: in its own folder, on 127.0.0.1 only, knowing nothing of the machine's. Ends by stop_broker.
# shellcheck shell=bash

broker_pids=()

# start_broker FOLDER AMQP_PORT DISTRIBUTION_PORT EPMD_PORT
start_broker() {
  local folder=$1 amqp=$2 distribution=$3 epmd=$4
  mkdir -p "$folder"
  : >"$folder/environment"
  printf '[].\n' >"$folder/enabled_plugins"
  printf '%s\n' "listeners.tcp.1 = 127.0.0.1:$amqp" "disk_free_limit.absolute = 10MB" >"$folder/rabbitmq.conf"

  epmd -port "$epmd" -address 127.0.0.1 >"$folder/epmd.log" 2>&1 </dev/null &
  broker_pids+=($!)
  wait_for 10 port_open "$epmd" || fail "epmd does not start: see $folder/epmd.log"

  # RABBITMQ_ALLOW_INPUT makes the script become the Erlang process instead of watching it, so that its pid is the broker's.
  env HOME="$folder" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_ALLOW_INPUT=1 RABBITMQ_NODENAME="elves-$amqp@localhost" \
    RABBITMQ_NODE_PORT="$amqp" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_DIST_PORT="$distribution" \
    RABBITMQ_CONF_ENV_FILE="$folder/environment" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_LOGS="$folder/rabbitmq.log" \
    RABBITMQ_SCHEMA_DIR="$folder/schema" RABBITMQ_GENERATED_CONFIG_DIR="$folder/config" \
    RABBITMQ_PID_FILE="$folder/pid" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}" \
    /usr/lib/rabbitmq/bin/rabbitmq-server -noinput >"$folder/console.log" 2>&1 </dev/null &
  broker_pids+=($!)
  wait_for 180 broker_up_or_gone "$folder" "$!" || true
  if ! broker_up "$folder"; then
    tail -n 20 "$folder/console.log" "$folder/rabbitmq.log" >&2
    fail "RabbitMQ does not start"
  fi
}

broker_up() { grep -qs 'Server startup complete' "$1/rabbitmq.log"; }
broker_up_or_gone() { broker_up "$1" || gone "$2"; }

stop_broker() {
  local i
  for ((i = ${#broker_pids[@]} - 1; i >= 0; --i)); do end_process "${broker_pids[i]}"; done
}
