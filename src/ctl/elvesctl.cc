#include "ctl/elvesctl.h"

#include <cstring>
#include <exception>
#include <utility>

#include "ctl/job_commands.h"
#include "ctl/screen.h"
#include "ctl/send.h"

namespace elves::ctl {
namespace {

constexpr int kSignalled = 128;

int execute(const Arguments& arguments, const Environment& environment, const Io& io) {
  if (arguments.command == Command::send) return send(arguments.send, arguments.tls.settings(), io);
  return run_job_command(arguments, environment, io);
}

int attempt(std::vector<std::string> words, const Environment& environment, const Io& io,
            const std::string& version) {
  try {
    const auto parsed = parse_arguments(std::move(words), environment, version);
    if (const auto* ending = std::get_if<Ending>(&parsed)) {
      io.out << ending->out;
      io.err << ending->err;
      return ending->code;
    }
    return execute(std::get<Arguments>(parsed), environment, io);
  } catch (const Interrupted& end) {
    return kSignalled + end.signal;
  } catch (const Failure& failure) {
    io.err << "elvesctl: " << failure.what() << '\n';
    return failure.code();
  } catch (const std::exception& fault) {
    io.err << "elvesctl: " << fault.what() << '\n';
    return kExitNotDone;
  }
}

}  // namespace

int run(std::vector<std::string> words, const Environment& environment, const Io& io,
        const std::string& version) {
  Screen screen(io);
  const int code = attempt(std::move(words), environment, screen.io(), version);
  int reason = 0;
  if (screen.finish(reason)) return code;
  screen.io().err << "elvesctl: standard output cannot be written"
                  << (reason == 0 ? "" : std::string(": ") + std::strerror(reason)) << '\n';
  return code == kExitDone ? kExitOutput : code;
}

}  // namespace elves::ctl
