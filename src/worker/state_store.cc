#include "worker/state_store.h"

#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <utility>

#include "worker/state_schema.h"

namespace elves::worker {
namespace {

constexpr std::int64_t kRowBytes = 512;  // of a row and its indexes, apart from texts

std::string connect_string(const std::string& path) {
  if (path.find('"') != std::string::npos) throw std::runtime_error("a quotation mark in its name");
  return fmt::format("db=\"{}\"", path);
}

std::int64_t bytes_of(const Instruction& ins) {
  std::size_t bytes = 0;
  for (const auto* text : {&ins.id, &ins.ip, &ins.type, &ins.mode, &ins.app, &ins.func, &ins.param,
                           &ins.proxy, &ins.exec_id, &ins.request}) {
    bytes += text->size();
  }
  return kRowBytes + static_cast<std::int64_t>(bytes);
}

constexpr const char* kColumns =
    "number, repeated, ended_order, taken, exec_id, request, id, ip, type, mode, app, func, param, timeout, "
    "proxy, flag, costtime, result";

}  // namespace

StateStore::StateStore(const std::string& path, Millis busy)
    : sql_(soci::sqlite3, connect_string(path)),
      by_exec_id_(sql_),
      by_request_(sql_),
      by_id_(sql_),
      insert_(sql_),
      repeat_(sql_),
      start_(sql_),
      end_(sql_),
      look_(sql_),
      report_(sql_) {
  sql_ << fmt::format("PRAGMA busy_timeout = {}", busy.count());
  set_up();
  id_ = open_schema(sql_);
  prepare();
  count();
}

void StateStore::set_up() {
  std::string mode;
  sql_ << "PRAGMA journal_mode = WAL", soci::into(mode);
  if (mode != "wal") throw std::runtime_error("no write-ahead log is possible here: " + mode);
  sql_ << "PRAGMA synchronous = FULL";
  sql_ << "PRAGMA wal_autocheckpoint = 4000";
  sql_ << "PRAGMA journal_size_limit = 16777216";
}

void StateStore::prepare() {
  using soci::into;
  using soci::use;
  auto& ins = row_.ins;
  by_exec_id_ = (sql_.prepare << "SELECT number, state FROM execution WHERE exec_id = :exec_id "
                                 "ORDER BY number DESC LIMIT 1",
                 use(ins.exec_id), into(row_.number), into(row_.state));
  by_request_ =
      (sql_.prepare << "SELECT number, state FROM execution WHERE id = :id AND app = :app "
                       "AND type = :type AND request = :request AND (state < 3 OR reported > :since) "
                       "AND repeated >= :least AND taken > :after ORDER BY number DESC LIMIT 1",
       use(ins.id), use(ins.app), use(ins.type), use(ins.request), use(row_.time), use(row_.repeated),
       use(row_.after), into(row_.number), into(row_.state));
  by_id_ = (sql_.prepare << "SELECT number, state FROM execution WHERE id = :id AND app = :app "
                            "AND type = :type ORDER BY number DESC LIMIT 1",
            use(ins.id), use(ins.app), use(ins.type), into(row_.number), into(row_.state));
  insert_ = (sql_.prepare
                 << "INSERT INTO execution (state, repeated, exec_id, request, id, app, type, taken, "
                    "ended_order, reported, bytes, ip, mode, func, proxy, timeout, flag, costtime, "
                    "param, result) VALUES (0, :repeated, :exec_id, :request, :id, :app, :type, :taken, 0, "
                    "0, :bytes, :ip, :mode, :func, :proxy, :timeout, 0, 0, :param, '')",
             use(row_.repeated), use(ins.exec_id), use(ins.request), use(ins.id), use(ins.app), use(ins.type),
             use(row_.time), use(row_.bytes), use(ins.ip), use(ins.mode), use(ins.func), use(ins.proxy),
             use(ins.timeout), use(ins.param));
  repeat_ = (sql_.prepare << "UPDATE execution SET repeated = 1 WHERE number = :number", use(row_.number));
  start_ = (sql_.prepare << "UPDATE execution SET state = 1 WHERE number = :number AND state = 0",
            use(row_.number));
  end_ = (sql_.prepare << "UPDATE execution SET state = 2, ended_order = :place, flag = :flag, "
                          "costtime = :costtime, bytes = bytes + :bytes, result = :result "
                          "WHERE number = :number AND state < 2",
          use(row_.order), use(row_.answer.flag), use(row_.answer.costtime), use(row_.bytes),
          use(row_.answer.result), use(row_.number));
  look_ = (sql_.prepare << "SELECT state, repeated, bytes FROM execution WHERE number = :number",
           into(row_.state), into(row_.repeated), into(row_.bytes), use(row_.number));
  report_ = (sql_.prepare << "UPDATE execution SET state = 3, reported = :reported, bytes = 0, ip = '', "
                             "mode = '', func = '', proxy = '', param = '', result = '' "
                             "WHERE number = :number",
             use(row_.time), use(row_.number));
}

void StateStore::count() {
  totals_.unreported = static_cast<std::size_t>(number_of("SELECT count(*) FROM execution WHERE state = 2"));
  totals_.reported = static_cast<std::size_t>(number_of("SELECT count(*) FROM execution WHERE state = 3"));
  const char* open =
      "SELECT total(bytes), total(length(param)), total(length(result)) FROM execution WHERE state";
  totals_.bytes = static_cast<std::uint64_t>(number_of(fmt::format("{} < 2", open)) +
                                             number_of(fmt::format("{} = 2", open)));
}

void StateStore::transaction(const std::function<void()>& action) {
  const Totals before = totals_;
  try {
    soci::transaction all(sql_);
    action();
    all.commit();
  } catch (...) {
    totals_ = before;
    throw;
  }
}

void StateStore::probe() { sql_ << "UPDATE meta SET value = value WHERE name = 'id'"; }

Number StateStore::insert(const Instruction& instruction, WallTime now) {
  row_.ins = instruction;
  row_.time = ms_of(now);
  row_.bytes = bytes_of(instruction);
  row_.repeated = instruction.may_be_repeat ? kBornRepeated : 0;
  insert_.execute(true);
  totals_.bytes += static_cast<std::uint64_t>(row_.bytes);
  return number_of("SELECT last_insert_rowid()");
}

void StateStore::mark_repeated(Number number) {
  row_.number = number;
  repeat_.execute(true);
}

void StateStore::mark_started(Number number) {
  row_.number = number;
  start_.execute(true);
}

void StateStore::end(Number number, const WorkerAnswer& answer, std::int64_t order) {
  row_.number = number;
  row_.answer = answer;
  row_.order = order;
  row_.bytes = static_cast<std::int64_t>(answer.result.size());
  end_.execute(true);
  if (end_.get_affected_rows() == 0) return;
  totals_.bytes += answer.result.size();
  ++totals_.unreported;
}

bool StateStore::report(Number number, bool said_repeated, WallTime now) {
  row_.number = number;
  row_.state = -1;
  look_.execute();
  while (look_.fetch()) {
  }
  if (row_.state != 2) return true;
  if (row_.repeated == 1 && !said_repeated) return false;
  totals_.bytes -= std::min(totals_.bytes, static_cast<std::uint64_t>(row_.bytes));
  row_.time = ms_of(now);
  report_.execute(true);
  --totals_.unreported;
  ++totals_.reported;
  return true;
}

void StateStore::end_started(const std::string& why) {
  auto order = last_order();
  std::vector<Number> started;
  const soci::rowset<Number> rows =
      (sql_.prepare << "SELECT number FROM execution WHERE state < 2 AND state = 1 ORDER BY number");
  for (const Number number : rows) started.push_back(number);
  for (const Number number : started) end(number, {.flag = -1, .costtime = 0, .result = why}, ++order);
}

void StateStore::each(const std::string& where, const std::function<bool(Row&)>& visit) {
  using soci::into;
  Row row;
  auto& ins = row.ins;
  soci::statement rows =
      (sql_.prepare << fmt::format("SELECT {} FROM execution WHERE {}", kColumns, where), into(row.number),
       into(row.repeated), into(row.order), into(row.time), into(ins.exec_id), into(ins.request),
       into(ins.id), into(ins.ip), into(ins.type), into(ins.mode), into(ins.app), into(ins.func),
       into(ins.param), into(ins.timeout), into(ins.proxy), into(row.answer.flag), into(row.answer.costtime),
       into(row.answer.result));
  rows.execute();
  while (rows.fetch() && visit(row)) {
  }
}

std::vector<UnreportedResult> StateStore::results(std::int64_t after, std::size_t count, std::size_t bytes) {
  return select(fmt::format("state = 2 AND ended_order > {} ORDER BY ended_order LIMIT {}", after, count),
                bytes);
}

std::optional<UnreportedResult> StateStore::read(Number number) {
  auto found = select(fmt::format("number = {} AND state < 3", number), 1);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<UnreportedResult> StateStore::select(const std::string& where, std::size_t bytes) {
  std::vector<UnreportedResult> found;
  each(where, [&found, bytes, size = std::size_t{0}](Row& row) mutable {
    size += row.ins.param.size() + row.answer.result.size();
    row.ins.may_be_repeat = row.repeated == 1;
    found.push_back({.number = row.number, .order = row.order, .result = result_of(row.ins, row.answer)});
    return size < bytes;
  });
  return found;
}

std::vector<WaitingExecution> StateStore::waiting() {
  std::vector<WaitingExecution> found;
  each("state < 2 AND state = 0 ORDER BY number", [&found](Row& row) {
    found.push_back({.number = row.number, .instruction = row.ins, .taken = WallTime(Millis(row.time))});
    return true;
  });
  return found;
}

std::size_t StateStore::tidy(const Remember& remember, std::size_t most, WallTime now) {
  const auto remove = [this](const std::string& where, std::size_t at_most) {
    soci::statement removal =
        (sql_.prepare << fmt::format("DELETE FROM execution WHERE number IN (SELECT number FROM execution "
                                     "WHERE state = 3{} ORDER BY reported LIMIT {})",
                                     where, at_most));
    removal.execute(true);
    const auto removed = static_cast<std::size_t>(std::max(removal.get_affected_rows(), 0LL));
    totals_.reported -= std::min(totals_.reported, removed);
    return removed;
  };
  const auto oldest = ms_of(now) - std::chrono::duration_cast<Millis>(remember.age).count();
  const auto removed = remove(fmt::format(" AND reported < {}", oldest), most);
  if (removed > 0) return removed;
  const auto beyond = totals_.reported - std::min(totals_.reported, remember.count);
  return beyond == 0 ? 0 : remove("", std::min(beyond, most));
}

std::int64_t StateStore::last_order() {
  return number_of("SELECT coalesce(max(ended_order), 0) FROM execution WHERE state = 2");
}

long long StateStore::number_of(const std::string& query) {
  double value = 0;
  sql_ << query, soci::into(value);
  return static_cast<long long>(value);
}

std::string reason(const std::exception& fault) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault)) {
    return sqlite_api::sqlite3_errstr(sqlite->result());
  }
  if (const auto* soci = dynamic_cast<const soci::soci_error*>(&fault)) return soci->get_error_message();
  return fault.what();
}

bool is_full(const std::exception& fault) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault);
  return sqlite != nullptr && sqlite->result() == SQLITE_FULL;
}

}  // namespace elves::worker
