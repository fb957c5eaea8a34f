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

# The Debian packages that hold the shared libraries the programs load.
runtime_packages() {
  local library
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do
    # With a merged /usr the loader may find a file under a name that dpkg does not know it by.
    dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "${library#/usr}" 2>/dev/null || dpkg-query -S "/usr$library"
  done | sed 's/:.*//' | sort -u
}

command_pack() {
  need_sources pack
  (($# == 0)) || usage_error "pack takes no argument: $1"
  build_programs
  local name tree program
  name="elves-scheduler-$(source_version)-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"
  tree="dist/$name"
  rm -rf "$tree"
  mkdir -p "$tree/bin"
  for program in "${programs[@]}"; do
    strip -o "$tree/bin/$program" "$(bin_folder)/$program"
  done
  runtime_packages "$tree"/bin/* >"$tree/runtime-packages"
  cp -R conf sdk apps docs scripts control LICENSE ./*.md "$tree/"
  find "$tree" -name __pycache__ -prune -exec rm -rf {} +
  tar -C dist --owner=0 --group=0 --sort=name -czf "dist/$name.tar.gz" "$name"
  rm -rf "$tree"
  say "Packed: dist/$name.tar.gz"
}
