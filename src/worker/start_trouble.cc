#include "worker/start_trouble.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "base/text_encoding.h"
#include "base/visible.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHead = 4096;  // of a file: enough for a first line, and for the headers of a program
constexpr int kNotRunnable = 126;    // what shells and env(1) end with when they cannot run a program
constexpr int kNotFound = 127;       // and when there is none of that name
constexpr const char* kWindows =
    "the script has the line ends of Windows (CRLF): save it with those of Unix, as sed -i 's/\\r$//' does";

std::string head_of(const std::string& file) {
  std::string head(kHead, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return head;
}

// A name as people can read it, unseen characters and all.
std::string shown(std::string_view name) { return visible(name, Newlines::escaped); }

bool is_script(std::string_view head) { return head.starts_with("#!"); }
bool is_elf(std::string_view head) {
  return head.starts_with(
      "\x7F"
      "ELF");
}

std::string_view first_line(std::string_view head) { return head.substr(0, head.find('\n')); }

// What the first line of a script names.
std::string_view interpreter_of(std::string_view head) {
  auto rest = first_line(head).substr(2);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  return rest.substr(0, rest.find_first_of(" \t"));
}

template <class Header>
std::optional<Header> header_at(std::string_view bytes, std::size_t offset) {
  Header header;
  if (offset > bytes.size() || bytes.size() - offset < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  return header;
}

// The loader that a program asks for; "" when it asks for none, or nothing can be said.
std::string loader_of(std::string_view head) {
  const auto elf = header_at<Elf64_Ehdr>(head, 0);
  if (!elf || elf->e_ident[EI_CLASS] != ELFCLASS64) return "";
  for (std::size_t i = 0; i < elf->e_phnum; ++i) {
    const auto part = header_at<Elf64_Phdr>(head, elf->e_phoff + i * sizeof(Elf64_Phdr));
    if (!part) return "";
    if (part->p_type != PT_INTERP || part->p_offset >= head.size()) continue;
    const auto name = head.substr(part->p_offset, part->p_filesz);
    return std::string(name.substr(0, name.find('\0')));
  }
  return "";
}

const char* machine_name(unsigned machine) {
  switch (machine) {
    case EM_386:
      return "i386";
    case EM_X86_64:
      return "x86_64";
    case EM_ARM:
      return "arm";
    case EM_AARCH64:
      return "aarch64";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    case EM_RISCV:
      return "riscv";
    default:
      return "another kind of machine";
  }
}

bool exists(const std::string& file) {
  std::error_code fault;
  return fs::exists(file, fault);
}

std::string about_missing(const std::string& program) {
  const auto head = head_of(program);
  if (is_script(head)) {
    const auto name = interpreter_of(head);
    if (name.ends_with('\r'))
      return fmt::format("its first line names the interpreter '{}': {}", shown(name), kWindows);
    return fmt::format("its first line names the interpreter '{}', which is not there", shown(name));
  }
  const auto loader = loader_of(head);
  if (is_elf(head) && !loader.empty())
    return fmt::format("it needs the loader {}, which is not there: it was built for another system", loader);
  return exists(program) ? "a program that it needs is not there" : "there is no such file";
}

std::string about_format(const std::string& program) {
  const auto head = head_of(program);
  if (head.empty()) return "the file is empty";
  if (is_elf(head)) {
    utsname here{};
    ::uname(&here);
    const auto elf = header_at<Elf32_Ehdr>(head, 0);
    return fmt::format("it was built for {}, and this machine is {}",
                       elf ? machine_name(elf->e_machine) : "nothing", here.machine);
  }
  if (head.starts_with(kByteOrderMark))
    return "it begins with a byte order mark, and must begin with #!: save it as UTF-8 without the mark";
  if (!encoding_fault(head).empty()) return "it " + encoding_fault(head);
  return "it is no program, and no script: a script's first line names its interpreter, such as #!/bin/sh";
}

bool mounted_noexec(const std::string& file) {
  struct statvfs system{};
  return ::statvfs(file.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0;
}

// Of a file that may not be run.
std::string about_permission(const std::string& file) {
  if (mounted_noexec(file)) return fmt::format("{} is on a file system that is mounted noexec", file);
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return fmt::format("{}: {}", file, std::strerror(errno));
  if ((status.st_mode & 0111) == 0) return fmt::format("{} may not be run: chmod +x it", file);
  return fmt::format("{} may not be run by the user of elves-agent (uid {}): see its owner and mode {:o}",
                     file, ::geteuid(), status.st_mode & 07777U);
}

std::string about_refusal(const std::string& program) {
  if (::access(program.c_str(), X_OK) != 0 || mounted_noexec(program)) return about_permission(program);
  const auto head = head_of(program);
  if (is_script(head)) {
    const std::string interpreter(interpreter_of(head));
    return "its interpreter " + about_permission(interpreter);
  }
  return std::strerror(EACCES);
}

std::string about_program(const Command& command, int code) {
  const auto& program = command.argv.front();
  switch (code) {
    case ENOENT:
      return about_missing(program);
    case ENOTDIR:
      return "its interpreter's path leads through a file that is no folder";
    case EACCES:
    case EPERM:
      return about_refusal(program);
    case ENOEXEC:
      return about_format(program);
    case ETXTBSY:
      return "somebody is still writing the file";
    case E2BIG:
      return "its arguments and the environment are larger than the system allows";
    default:
      return std::strerror(code);
  }
}

std::string about_process(int code) {
  switch (code) {
    case EAGAIN:
      return "no further process is allowed (ulimit -u; TasksMax= of the systemd unit; pids.max of the "
             "container)";
    case EMFILE:
      return "elves-agent has too many files open (ulimit -n; LimitNOFILE= of the systemd unit)";
    case ENFILE:
      return "the system has too many files open (sysctl fs.file-max)";
    case ENOMEM:
      return "the system is out of memory";
    default:
      return std::strerror(code);
  }
}

}  // namespace

std::string why_not_started(const Command& command, const NotStarted& failure) {
  const auto& program = command.argv.front();
  switch (failure.step) {
    case NotStarted::Step::folder:
      return fmt::format(
          "cannot start {}: its folder {} cannot be entered by the user of elves-agent (uid {}): {}", program,
          command.folder.string(), ::geteuid(), std::strerror(failure.code));
    case NotStarted::Step::program:
      return fmt::format("cannot start {}: {}", program, about_program(command, failure.code));
    case NotStarted::Step::process:
      break;
  }
  return fmt::format("cannot start {}: {}", program, about_process(failure.code));
}

std::string doubts_about(const Command& command, int status, std::string_view errors) {
  constexpr std::size_t kFiles = 2;  // a program, or an interpreter and its script
  const bool not_found = status == kNotFound || status == kNotRunnable;
  const bool seen = not_found || errors.find('\r') != errors.npos || errors.find("\\r") != errors.npos;
  for (std::size_t i = 0; seen && i < std::min(command.argv.size(), kFiles); ++i) {
    const auto& file = command.argv[i];
    const auto head = file.starts_with('/') ? head_of(file) : "";
    if (is_elf(head) || head.find('\n') == head.npos) continue;
    if (first_line(head).ends_with('\r')) return fmt::format("\nlikely cause: {}: {}", file, kWindows);
    if (is_script(head) && not_found)
      return fmt::format("\nlikely cause: {}: what its first line names, '{}', is not there", file,
                         shown(first_line(head)));
  }
  return "";
}

}  // namespace elves::worker
