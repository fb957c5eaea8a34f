# What ./control says about itself.
# shellcheck shell=bash

usage() {
  cat <<'TEXT'
Usage: ./control COMMAND [OPTION...]

  build               compile elves-scheduler, elves-agent and elvesctl into build/release/bin
  demo [--broker]     show jobs run by a scheduler and an agent of their own, then end them
  test [OPTION...]    run the tests
  bench [OPTION...]   measure how fast it is, against the bare broker
  lint                check format, shell scripts and clang-tidy
  pack [--as-it-is]   make dist/elves-scheduler-VERSION-SYSTEM.tar.gz
  start               run the scheduler in the background with conf/conf.properties
  stop                end it after the jobs in flight
  restart             stop, then start
  status              say whether it runs: exit code 0 yes, 3 no
  version             print the version
  help [COMMAND]      print this, or more about one command

Debian packages that a command needs and that are missing are installed first (as root, or with sudo).
TEXT
}

command_help() {
  case ${1-} in
    '') usage ;;
    build) cat <<'TEXT' ;;
Usage: ./control build

Compiles the release programs build/release/bin/{elves-scheduler,elves-agent,elvesctl} with g++ and CMake's preset
"release". Installs the compilers and libraries it needs from Debian 12.
TEXT
    demo) cat <<'TEXT' ;;
Usage: ./control demo [--broker]

Starts a standalone elves-scheduler and an elves-agent with the sample app on free ports of 127.0.0.1, runs one
synchronous and one asynchronous job with elvesctl, prints commands and results, and ends what it started.

  --broker   with a private RabbitMQ: sends it a sendSync message and prints the reply with all its fields
TEXT
    test) cat <<'TEXT' ;;
Usage: ./control test [OPTION...]

Without an option: the rules of the house, the unit tests, the system tests and the short fault run, on the release build.
With options only those named, in their order:

  --house          include rules, headers, configuration page, format
  --unit           unit tests, release
  --system         system tests with real processes and a private RabbitMQ, release
  --fault          a minute of faults: two schedulers, ten agents and a broker are killed, paused and cut off under load
  --soak MINUTES   the same for that long, faults at random; prints its seed and how to run it again
  --seed N         the seed for --soak
  --sanitize       unit and system tests with AddressSanitizer + UndefinedBehaviorSanitizer, unit tests with ThreadSanitizer
  --fuzz SECONDS   each fuzz target for that long
TEXT
    bench) cat <<'TEXT' ;;
Usage: ./control bench [--quick] [--only NAME[,NAME...]] [--list] [--results FOLDER]

Measures the release build with a private RabbitMQ, agents and load of its own, against a bare echo on the same broker, and
prints a table with the targets. JSON and picture go to bench/results. All figures take one to two hours on a machine that does
nothing else; docs/performance.md says what they mean.

  --quick           fewer and shorter measurements: minutes, too few to trust
  --only NAME,...   these figures only
  --list            the figures' names
  --results FOLDER  where JSON and picture go
TEXT
    lint) cat <<'TEXT' ;;
Usage: ./control lint

Checks all sources with clang-format-19 and clang-tidy-19, and the shell scripts with shellcheck.
TEXT
    pack) cat <<'TEXT' ;;
Usage: ./control pack [--as-it-is]

Builds, and packs bin/, conf/, sdk/, apps/, docs/ and control into dist/elves-scheduler-VERSION-SYSTEM.tar.gz, with a checksum
beside it. Unpacked on another Debian 12, it is a folder elves-scheduler where ./control demo, start, stop, restart and status work.

Only files of the git commit are packed: a changed conf.properties goes out as committed, an app of your own or an editor's
backup not at all, and what stays out is said. In a source archive (no .git) the files must be unchanged.

  --as-it-is   in a source archive with changed files: pack what is here, and list it
TEXT
    start) cat <<'TEXT' ;;
Usage: ./control start

Checks conf/conf.properties and runs elves-scheduler with it in the background. Its pid and start time are in
var/elves-scheduler.pid;
what it logs goes to var/elves-scheduler.log unless log.file names another file. Exit codes: 0 it runs (or ran already),
69 no program, or nothing it could listen on, 78 the configuration is wrong.
TEXT
    stop) cat <<'TEXT' ;;
Usage: ./control stop

Sends SIGTERM: the scheduler takes no more jobs, finishes those in flight within drain.timeout and ends. Waits for that.
TEXT
    restart) cat <<'TEXT' ;;
Usage: ./control restart

The same as stop, then start; but a scheduler that could not be started again is not stopped.
TEXT
    status) cat <<'TEXT' ;;
Usage: ./control status

Exit code 0: the scheduler started by ./control start runs; 3: it does not.
TEXT
    version) cat <<'TEXT' ;;
Usage: ./control version

Prints the version of the built elves-scheduler, or that of the sources when it is not built.
TEXT
    help) cat <<'TEXT' ;;
Usage: ./control help [COMMAND]
TEXT
    *) usage_error "unknown command: $1" ;;
  esac
}
