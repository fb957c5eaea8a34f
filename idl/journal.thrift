// What the journal keeps of a job (the columns job.record and history.jobs), in Thrift's compact protocol.
// Files outlive programs: never renumber or reuse a field or a number; an addition is optional or has a default.
namespace cpp elves.journal

enum StoredType { sync = 0, cron = 1, queue = 2 }

enum StoredDialect { flat = 0, body = 1 }

// From the codes of docs/protocol.md, section "Errors": 403.10 is 40310.
enum StoredErrorCode {
  message_malformed = 40001,
  unknown_action = 40002,
  illegal_ip = 40301,
  illegal_param = 40302,
  illegal_app = 40303,
  illegal_mode = 40304,
  illegal_func = 40307,
  illegal_timeout = 40308,
  illegal_id = 40310,
  illegal_type = 40311,
  send_failed = 41000,
  job_timeout = 41002,
  outcome_unknown = 41003,
  agent_answer_illegal = 41004,
  overloaded = 41005,
  app_not_found = 41302,
  processor_failed = 41303,
  internal = 50000,
}

struct StoredError {
  1: StoredErrorCode code,
  2: string detail,
}

struct StoredRoute {
  1: bool direct,
  2: string routing_key,
  3: string correlation_id,
}

// Strings are bytes, as the peer sent them.
struct StoredJob {
  1: i64 log_id,
  2: StoredType type,
  3: StoredDialect dialect,
  4: binary origin,   // Job::from
  5: binary mid,
  6: binary id,
  7: binary rand_id,
  8: binary agent_ip,
  9: binary mode,
  10: binary app,
  11: binary func,
  12: binary param,
  13: binary proxy,
  14: i64 timeout_s,
  15: optional StoredRoute reply,
  16: bool announce,
  17: bool may_be_repeat,
  18: optional binary caller,
}

struct StoredStage {
  1: bool ok,
  2: optional StoredError error,
  3: i64 cost_ms,
  4: optional bool asked,
}

struct StoredAnswer {
  1: i32 flag,
  2: i32 costtime_ms,
  3: binary result,
}

// Times are microseconds since 1970, UTC; 0 = it has not happened.
struct StoredOutcome {
  1: bool rejected,
  2: bool running,
  3: optional StoredError error,
  4: StoredStage agent,
  5: optional StoredAnswer worker,
  6: StoredStage processor,
  7: i64 started_us,
  8: i64 ended_us,
  9: i64 called_back_us,
  10: optional i32 attempts,
}

// The state is not in here: it is the column job.state.
struct StoredRecord {
  1: StoredJob job,
  2: StoredOutcome outcome,
  3: i64 fingerprint,
  4: optional bool acknowledged,
  5: optional bool unsent,
  6: optional bool texts_left_out,
}

// A job that is over.
struct StoredEntry {
  1: i64 log_id,
  2: i64 created_us,     // as job.created had it
  3: binary agent_ip,
  4: binary record,      // a StoredRecord
}

struct StoredBlock {
  1: list<StoredEntry> entries,
}
