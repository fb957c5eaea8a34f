// Any bytes are a properties file: reading one never fails, and what it says can always be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "config/load.h"
#include "config/properties.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace elves::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto properties = parse_properties(text);
  int last = 0;
  for (const auto& property : properties) {
    require(property.line > last);
    last = property.line;
  }
  // A fuzzer must not open files of its own choice.
  const bool opens_file = std::any_of(properties.begin(), properties.end(), [](const Property& property) {
    return property.key == "mq.password.file" || property.key == "admin.token.file";
  });
  if (opens_file) return 0;

  const auto loaded = load_text(text, "fuzz.properties", [](const char*) { return std::nullopt; });
  for (const auto& finding : loaded.errors) {
    require(finding.line > 0 && finding.line <= last);
    require(finding.text().find('\n') == std::string::npos);
  }
  for (const auto& finding : loaded.warnings) require(finding.text().find('\n') == std::string::npos);
  return 0;
}
