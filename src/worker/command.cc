#include "worker/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace elves::worker {
namespace {

namespace fs = std::filesystem;

Error refused(std::string why) { return {ErrorCode::internal, std::move(why)}; }

// A program by name from PATH; a name with a '/' is taken as a path.
Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return fs::absolute(name).string();
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!name.empty() && !rest.empty()) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (folder.empty() || folder.front() != '/') continue;
    auto candidate = fmt::format("{}/{}", folder, name);
    std::error_code ignored;
    if (::access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return refused(fmt::format("no program '{}' in PATH ({})", name, path != nullptr ? path : "not set"));
}

bool is_inside(const fs::path& folder, const fs::path& file) {
  return std::ranges::mismatch(folder, file).in1 == folder.end() && folder != file;
}

// A file of the app by its path relative to the app's (canonical) folder.
Result<std::string> find_in_app(const fs::path& folder, const std::string& name) {
  const fs::path relative(name);
  const bool climbs = std::ranges::find(relative, "..") != relative.end();
  if (name.empty() || relative.is_absolute() || climbs || name.find('\0') != std::string::npos) {
    return refused(fmt::format("'{}' is no path inside the app's folder", name));
  }
  std::error_code fault;
  const auto file = fs::canonical(folder / relative, fault);
  if (fault == std::errc::permission_denied)
    return refused(
        fmt::format("'{}' cannot be looked at by the user of elves-agent: {}", name, fault.message()));
  if (fault) return refused(fmt::format("the app has no '{}'", name));
  if (!is_inside(folder, file)) return refused(fmt::format("'{}' leads out of the app's folder", name));
  if (!fs::is_regular_file(file, fault)) return refused(fmt::format("'{}' is no file", name));
  return file.string();
}

using Argv = Result<std::vector<std::string>>;

Argv default_command(const Launcher& launcher, const fs::path& folder) {
  auto python = find_program(launcher.python);
  if (!python) return python.error();
  auto own = find_in_app(folder, "app-worker.py");
  if (own) return std::vector{*python, *own};
  std::error_code ignored;
  if (launcher.entry.empty() || fs::exists(folder / "app-worker.py", ignored)) return own.error();
  return std::vector{*python, launcher.entry.string()};
}

Argv proxy_command(const Launcher& launcher, const fs::path& folder, const std::string& proxy) {
  const auto bar = proxy.find('|');
  if (bar == std::string::npos) {
    auto program = find_in_app(folder, proxy);
    if (!program) return program.error();
    return std::vector{*program};
  }
  const auto name = proxy.substr(0, bar);
  if (name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    return refused(fmt::format("interpreter '{}' must be a name that PATH knows", name));
  }
  auto script = find_in_app(folder, proxy.substr(bar + 1));
  if (!script) return script.error();
  auto interpreter = find_program(name);
  if (!interpreter && name == "python") interpreter = find_program(launcher.python);
  if (!interpreter) return interpreter.error();
  return std::vector{*interpreter, *script};
}

}  // namespace

bool is_app_name(std::string_view app) {
  return !app.empty() && app != "." && app != ".." &&
         app.find_first_of(std::string_view("/\0", 2)) == app.npos;
}

Result<Command> resolve(const Launcher& launcher, const std::string& app, const std::string& func,
                        const std::string& param, const std::string& proxy) {
  Command command;
  std::error_code fault;
  if (is_app_name(app)) command.folder = fs::canonical(launcher.apps / app, fault);
  if (command.folder.empty() || fault || !fs::is_directory(command.folder, fault)) {
    return Error{ErrorCode::app_not_found, fmt::format("app [{}] not installed", app)};
  }
  if (func.size() > kMaxArgument || func.find('\0') != std::string::npos) {
    return refused("func cannot be an argument of a program");
  }
  auto argv = proxy.empty() ? default_command(launcher, command.folder)
                            : proxy_command(launcher, command.folder, proxy);
  if (!argv) return argv.error();
  command.argv = std::move(*argv);
  command.mark = launcher.mark;
  command.argv.insert(command.argv.end(), {app, func});
  auto encoded = base64(param);
  if (encoded.size() <= kMaxArgument) {
    command.argv.push_back(std::move(encoded));
  } else {
    command.argv.emplace_back("-");
    command.input = std::move(encoded);
  }
  return command;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

}  // namespace elves::worker
