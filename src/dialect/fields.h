// The rules for the fields of a job, docs/protocol.md, "Fields": one reader for every kind of request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dialect/json_document.h"
#include "dialect/limits.h"
#include "model/job.h"

namespace elves::dialect {

// Where a job's fields stand. Views only: what they show must live as long as the reader.
struct FieldSource {
  const JsonMembers& object;
  std::string_view text;    // the JSON text of `object`, or of the object that
  std::string_view member;  // holds it as this member; "" = the former
};

// Reads field after field into a job. The first fault is kept in `fault`; the job gets what could be
// understood of a field even then.
class FieldReader {
 public:
  FieldReader(FieldSource source, const Limits& limits, Job& job, std::optional<Error>& fault)
      : source_(source), limits_(limits), job_(job), fault_(fault) {}

  // "" when there is none; nullopt when it is no text.
  std::optional<std::string_view> text(std::string_view key) const;
  // "cron" or "queue"; nullopt, illegal_type otherwise.
  std::optional<JobType> type(std::string_view key);
  // `id`, and for the flat envelope `rand_id`.
  void id();
  // What is to be run where: everything but type and id. `mode` goes by the job's dialect.
  void task(std::string_view ip_key);

 private:
  const JsonValue* find(std::string_view key) const;
  std::optional<std::string> id_text(std::string_view key) const;
  void fail(ErrorCode code, std::string detail);

  void rand_id();
  void ip(std::string_view key);
  void app();
  void mode();
  void func();
  void param();
  void timeout();
  void proxy();

  FieldSource source_;
  const Limits& limits_;
  Job& job_;
  std::optional<Error>& fault_;
};

// One of the modes that the dialect knows, in any case; "" is none.
bool is_mode(std::string_view mode, Dialect dialect);

// Nothing but spaces, if that.
bool is_blank(std::string_view text);

// No control characters (below U+0020, and U+007F).
bool is_printable(std::string_view text);

}  // namespace elves::dialect
