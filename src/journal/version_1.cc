#include "journal/version_1.h"

#include <openssl/evp.h>
#include <soci/soci.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/log.h"
#include "journal/current_jobs.h"
#include "journal/history.h"

namespace elves::journal {

namespace {

struct Row {
  std::string log_id;
  int state = 0;
  std::string agent_ip;
  long long created = 0;
  long long changed = 0;
  std::string record;
};

const unsigned char* octets(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// nullopt when the text is not base64 (RFC 4648, padded). Up to 1 GiB.
std::optional<std::string> bytes_of_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), octets(text),
                                   static_cast<int>(text.size()));
  if (text.size() % 4 != 0 || size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

}  // namespace

void move_jobs_of_version_1(soci::session& sql) {
  constexpr int over = 3;
  CurrentJobs current(sql);
  History history(sql);
  Row row;
  long long last = 0;
  soci::statement rows =
      (sql.prepare << "SELECT log_id, state, agent_ip, created, changed, record FROM job_1 ORDER BY created",
       soci::into(row.log_id), soci::into(row.state), soci::into(row.agent_ip), soci::into(row.created),
       soci::into(row.changed), soci::into(row.record));
  rows.execute();
  while (rows.fetch()) {
    // After a clock was set back two could have the same.
    row.created = last = std::max(last + 1, row.created);
    const auto id = LogId::parse(row.log_id);
    const auto bytes = bytes_of_base64(row.record);
    if (!id || !bytes) {
      log::error("the journal's entry of job {} is damaged", row.log_id);
    } else if (row.state == over) {
      history.add(*id, row.created, row.changed, row.agent_ip, *bytes);
    } else {
      current.put(*id, row.created, row.state, row.agent_ip, *bytes);
    }
  }
  history.flush();
  rows.clean_up();
  sql << "DROP TABLE job_1";
}

}  // namespace elves::journal
