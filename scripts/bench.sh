# Measuring how fast it is: bench/suite.py does it.
# shellcheck shell=bash

command_bench() {
  need_sources bench
  need_packages "${build_packages[@]}" "${bench_packages[@]}"
  build_preset release elves-scheduler journal_maker bench
  note "Measuring"
  env -u PYTHONPATH -u PYTHONHOME ELVES_BIN="$(bin_folder)" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 bench/suite.py "$@"
}
