// Feeds arbitrary bytes to the decoder of what schedulers tell each other; what it takes must come back the
// same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "dialect/notice.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace elves;
  const auto notice = dialect::decode_notice({reinterpret_cast<const char*>(data), size});
  if (!notice) return 0;
  require(!notice->result.id.empty(), "a notice names an execution");
  const auto again = dialect::decode_notice(dialect::encode_notice(*notice));
  require(again.has_value(), "a notice can be told on");
  require(again->result.id == notice->result.id && again->result.exec_id == notice->result.exec_id &&
              again->result.request == notice->result.request && again->error == notice->error,
          "it names the same execution and end");
  if (notice->result.answer.result.size() <= dialect::kMaxNoticeResult) {
    require(again->result.answer == notice->result.answer, "it tells the same answer");
  }
  return 0;
}
