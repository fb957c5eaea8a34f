# Building with the presets of CMakePresets.json.
# shellcheck shell=bash

programs=(elves-scheduler elves-agent elvesctl)

# build_preset PRESET [TARGET...]: everything when no target is named.
build_preset() {
  local preset=$1
  shift
  note "Building $preset${*:+: $*}"
  # One cache for all clones of this repository.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake --preset "$preset" >"/dev/null"
  cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"}
}

build_programs() {
  need_packages "${build_packages[@]}"
  build_preset release "${programs[@]}"
}

command_build() {
  need_sources build
  (($# == 0)) || usage_error "build takes no argument: $1"
  build_programs
  say "Built: $(bin_folder)/{$(IFS=,; say "${programs[*]}")}"
}

command_version() {
  local scheduler
  scheduler=$(bin_folder)/elves-scheduler
  if [[ -x $scheduler ]]; then
    "$scheduler" --version
  else
    say "elves-scheduler $(source_version) (not built)"
  fi
}

source_version() { sed -n 's/^project(elves-scheduler VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }
