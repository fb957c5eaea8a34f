// Who may be called, and who may bring which result: docs/adr/0015.
#include <fmt/format.h>

#include "base/ip.h"
#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {

bool Dispatcher::may_call(const std::string& ip) const {
  return limits_.allow.empty() || limits_.allow.contains(ip);
}

// Whether the result may be one of a job that was sent to `ip`, by where it comes from.
bool Dispatcher::brought_by(const AgentResult& result, const std::string& ip) const {
  const auto peer = IpAddress::parse(result.peer);
  return peer && (peer == IpAddress::parse(ip) || limits_.forwarders.contains(*peer));
}

// An agent may send from another address of its machine: then its job has no other end than this word.
void Dispatcher::note_other_address(const AgentResult& result) {
  OpenJob* open = table_.find_unsettled(result);
  if (!open || open->doubt || open->state == JobState::settled || open->job->agent_ip == result.peer) return;
  open->doubt = Error{ErrorCode::job_timeout,
                      fmt::format("no result from the agent; a result came from {}, which is not its agent "
                                  "{}: thrift.trustForwarders",
                                  result.peer, open->job->agent_ip)};
}

// Whether it was refused, because only `expected`, or a forwarder, could have brought it.
bool Dispatcher::refuse_stranger(const AgentResult& result, const std::string& expected, const Taken& taken) {
  if (brought_by(result, expected)) return false;
  ports_.metrics.count(Event::result_refused);
  note_other_address(result);
  if (const auto held = refusals_.pass(ports_.clock.now())) {
    log::warn(
        "a result for {:.80} is refused: it came from {}, which is not its agent {}. If that is the same "
        "machine, "
        "put {} into thrift.trustForwarders{}",
        result.id, result.peer, expected, result.peer, and_more(*held));
  }
  taken(false);
  return true;
}

// The same of a result that this process knows no execution of, unless it belongs to `owner`'s. A queue task
// is told by its id alone, so one that is open here is not another one that happens to have the same id.
bool Dispatcher::refuse_unknown(const AgentResult& result, const std::string& owner, const Taken& taken) {
  note_other_address(result);
  if (!owner.empty() && refuse_stranger(result, owner, taken)) return true;
  const OpenJob* task = table_.find_queue_task(result.id);
  if (refuse_stranger(result, task ? task->job->agent_ip : result.ip, taken)) return true;
  if (limits_.accept_unknown) return false;
  ports_.metrics.count(Event::result_refused);
  if (const auto held = refusals_.pass(ports_.clock.now())) {
    log::warn(
        "a result for {:.80} of {} is refused: no such job is known, and result.acceptUnknown is false{}",
        result.id, result.peer, and_more(*held));
  }
  taken(false);
  return true;
}

}  // namespace elves
