# The Debian packages that each command needs, and installing those that are missing.
# shellcheck shell=bash

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libboost1.81-dev libboost-json1.81-dev libssl-dev
  librabbitmq-dev libxxhash-dev libthrift-dev thrift-compiler
  libsoci-dev libsqlite3-dev libzookeeper-mt-dev libmimalloc-dev
  libspdlog-dev libfmt-dev prometheus-cpp-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
demo_packages=(python3)
broker_packages=(rabbitmq-server)
test_packages=(
  python3 python3-pytest python3-pika python3-thrift python3-kazoo rabbitmq-server zookeeper openssl iproute2
  clang-format-19 shellcheck systemd
)
bench_packages=(python3 python3-pika rabbitmq-server git valgrind)
lint_packages=(clang-format-19 clang-tidy-19 shellcheck)
fuzz_packages=(clang-19 libclang-rt-19-dev)

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Those of the named packages that are not installed.
missing_packages() {
  (($#)) || return 0
  comm -23 \
    <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# Installing a package such as rabbitmq-server must not start its service on this machine. In a subshell of its own, so
# that what it puts up for apt goes away however it ends.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install -y --no-install-recommends "$@"
)

# need_packages NAME...: does nothing when all are there.
need_packages() {
  local missing
  command -v dpkg-query >/dev/null || fail "this needs Debian 12: no dpkg-query here"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  note "Installing Debian packages: ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "neither root nor sudo here; as root: apt-get install ${missing[*]}"
  fi
  install_packages "${missing[@]}" || fail "apt-get could not install: ${missing[*]}"
}

# What a packed release wrote down about the libraries its programs load.
need_runtime_packages() {
  local packages
  mapfile -t packages <runtime-packages
  need_packages "${packages[@]}"
}
