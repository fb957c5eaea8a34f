# The tests, as steps that can be run one by one. Each ends with its runner's own summary; the first that fails ends all.
# shellcheck shell=bash

# run_pytest PRESET FOLDER...: against the programs of that preset, untouched by the user's own Python settings.
run_pytest() {
  local preset=$1
  shift
  note "pytest $* ($preset)"
  env -u PYTHONPATH -u PYTHONHOME -u PYTEST_ADDOPTS \
    ELVES_BIN="$PWD/build/$preset/bin" ELVES_BUILD="$PWD/build/$preset" PYTHONDONTWRITEBYTECODE=1 \
    ASAN_OPTIONS="$asan_options" UBSAN_OPTIONS="$ubsan_options" \
    /usr/bin/python3 -m pytest -p no:cacheprovider -ra "$@"
}

asan_options=detect_stack_use_after_return=1:strict_string_checks=1
ubsan_options=print_stacktrace=1
tsan_options=second_deadlock_stack=1

# g++ 12's ThreadSanitizer does not cope with the address layouts of newer kernels.
without_address_randomization() {
  local arch
  arch=$(uname -m)
  if setarch "$arch" -R true 2>/dev/null; then setarch "$arch" -R "$@"; else "$@"; fi
}

run_ctest() {
  note "Unit tests ($1)"
  ASAN_OPTIONS=$asan_options UBSAN_OPTIONS=$ubsan_options TSAN_OPTIONS=$tsan_options \
    without_address_randomization ctest --preset "$1" -j "$(nproc)" --progress
}

step_house() { run_pytest release tests/house; }
step_unit() { run_ctest release; }
step_unit_debug() {
  build_preset debug unit_tests
  run_ctest debug
}
step_unit_tsan() {
  build_preset tsan unit_tests
  run_ctest tsan
}
step_system() { run_pytest release tests/system; }
step_fault() { run_pytest release tests/fault; }

# step_soak _ MINUTES SEED: without a seed it takes one and prints it.
step_soak() {
  note "Faults for $2 min"
  env -u PYTHONPATH -u PYTHONHOME ELVES_BIN="$PWD/build/release/bin" PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 tests/fault/soak.py "$2" ${3:+--seed "$3"}
}

step_system_debug() {
  build_preset debug
  run_pytest debug tests/system
}

# step_fuzz SECONDS: each decoder for so long. What it learns stays in build/fuzz/corpus.
step_fuzz() {
  local fuzzer name count=0
  build_preset fuzz fuzzers
  for fuzzer in build/fuzz/bin/*_fuzz; do
    name=$(basename "$fuzzer" _fuzz)
    note "Fuzzing $name for $1 s"
    if ! fuzz "$fuzzer" "$name" "$1" >"build/fuzz/$name.log" 2>&1; then
      tail -n 40 "build/fuzz/$name.log"
      say "$count passed, 1 failed"
      fail "$name: a finding, see build/fuzz/$name-*"
    fi
    grep -E 'executed_units|exec_per_sec' "build/fuzz/$name.log"
    count=$((count + 1))
  done
  say "$count passed, 0 failed"
}

# fuzz PROGRAM NAME SECONDS
fuzz() {
  local corpus=build/fuzz/corpus/$2
  mkdir -p "$corpus"
  "$1" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/$2-" -verbosity=0 \
    -print_final_stats=1 "$corpus" "tests/fuzz/seeds/$2"
}

default_steps=(house unit system fault)

command_test() {
  need_sources test
  local steps=() seconds=0 minutes=0 seed='' step
  while (($#)); do
    case $1 in
      --house) steps+=(house) ;;
      --unit) steps+=(unit) ;;
      --system) steps+=(system) ;;
      --fault) steps+=(fault) ;;
      --soak)
        [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage_error "--soak wants a number of minutes"
        steps+=(soak)
        minutes=$2
        shift
        ;;
      --seed)
        [[ ${2-} =~ ^[0-9]+$ ]] || usage_error "--seed wants a number"
        seed=$2
        shift
        ;;
      --sanitize) steps+=(unit_debug unit_tsan system_debug) ;;
      --fuzz)
        [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage_error "--fuzz wants a number of seconds"
        steps+=(fuzz)
        seconds=$2
        shift
        ;;
      *) usage_error "test: unknown option $1" ;;
    esac
    shift
  done
  ((${#steps[@]})) || steps=("${default_steps[@]}")

  need_packages "${build_packages[@]}" "${test_packages[@]}"
  if ((seconds)); then need_packages "${fuzz_packages[@]}"; fi
  if [[ " ${steps[*]} " =~ " "(house|unit|system|fault|soak)" " ]]; then build_preset release; fi
  for step in "${steps[@]}"; do "step_$step" "$seconds" "$minutes" "$seed"; done
}

command_lint() {
  need_sources lint
  (($# == 0)) || usage_error "lint takes no argument: $1"
  need_packages "${build_packages[@]}" "${lint_packages[@]}"
  build_preset release
  note "clang-format, shellcheck"
  find src tests bench \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0 clang-format-19 --dry-run -Werror
  shellcheck -x -a control .ci/run
  note "clang-tidy"
  run-clang-tidy-19 -quiet -p build/release -j "$(nproc)" -extra-arg=-Wno-unknown-warning-option \
    "$PWD/(src|tests|bench)/.*\.cc\$"
}
