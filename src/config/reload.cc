#include "config/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "config/keys.h"

namespace elves::config {
namespace {

class Taker {
 public:
  Taker(const Options& now, const Loaded& loaded) : loaded_(loaded), reload_{now, {}, {}} {}

  Reload run() {
    for (const Key& key : keys()) take(key);
    for (const Secret& secret : secrets()) compare(secret);
    reload_.options.processor.addresses = loaded_.options.processor.addresses;
    return std::move(reload_);
  }

 private:
  bool given(std::string_view key) const { return loaded_.given.find(key) != loaded_.given.end(); }

  void take(const Key& key) {
    const auto before = key.show(reload_.options);
    const auto fresh = key.show(loaded_.options);
    if (before == fresh) return;
    if (key.guard && !given(key.name)) {
      reload_.kept.push_back(
          key.live
              ? fmt::format("{} is no longer in the file and stays '{}'. To lift it, write '{}={}'", key.name,
                            before, key.name, fresh)
              : fmt::format(
                    "{} is no longer in the file. It stays '{}' until the restart, which will run without it",
                    key.name, before));
    } else if (key.live) {
      key.set(reload_.options, fresh);
    } else {
      reload_.later.push_back(
          fmt::format("{} is '{}' in the file: it stays '{}' until a restart", key.name, fresh, before));
    }
  }

  void compare(const Secret& secret) {
    Options fresh = loaded_.options;
    if (secret.field(reload_.options) == secret.field(fresh)) return;
    const bool gone = secret.guard && secret.field(fresh).empty();
    (gone ? reload_.kept : reload_.later)
        .push_back(fmt::format("{} {}: what was read at the start stays until a restart", secret.name,
                               gone ? "is no longer given" : "is another one in the file"));
  }

  const Loaded& loaded_;
  Reload reload_;
};

std::string_view room_of(std::string_view key) { return key.substr(0, key.find('.') + 1); }

}  // namespace

Reload take_over(const Options& now, const Loaded& loaded) { return Taker(now, loaded).run(); }

std::string live_keys() {
  std::map<std::string_view, bool> whole;  // by the first word of the keys: whether all of it is live
  for (const Key& key : keys()) whole.try_emplace(room_of(key.name), true).first->second &= key.live;
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    if (!key.live) continue;
    auto name = whole[room_of(key.name)] ? std::string(room_of(key.name)) + '*' : std::string(key.name);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace elves::config
