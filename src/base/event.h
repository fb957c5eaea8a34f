// What is counted while jobs go through. Names for people: metrics/metrics.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elves {

enum class Event : std::uint8_t {
  job_received,
  job_rejected,
  job_malformed,    // rejected: no request that can be read, or too large, or too deep
  job_outside,      // rejected or given up: its machine is not in agent.allow
  job_over_open,    // rejected: job.maxOpen
  job_over_queued,  // failed: agent.maxWaiting or agent.maxWaitingTotal
  job_succeeded,
  job_failed,
  job_retried,         // called again, after nothing could be sent
  result_late,         // after its job_timeout
  result_duplicate,    // of an execution that had its result
  result_unknown,      // of a job that this process did not dispatch: forwarded
  result_refused,      // brought by another than its agent, or unknown and result.acceptUnknown is false
  settled_elsewhere,   // a job open here whose end another scheduler knows, and tells
  redelivery_joined,   // a redelivered request whose job is open or over here
  redelivery_refused,  // a redelivered synchronous request that is not: outcome_unknown
  dead_letter,
  reply_returned,   // nobody listens where the message should go
  publish_retried,  // the broker refused a message; it is sent again
  broker_connected,
  broker_lost,
  agent_given_up,          // its breaker has opened
  agent_not_tried,         // a call failed because a breaker is open
  audit_lost,              // a line of the audit log that could not be written
  journal_shortened,       // an entry of the history without its texts: too much waited for the disk
  journal_lost,            // one that is not there at all, likewise
  agent_offline_tried,     // one that ZooKeeper knows to be offline was tried, for a short time
  zookeeper_connected,     // connected, with a session that is new or was there
  zookeeper_lost,          // the connection or the session
  zookeeper_expired,       // the session
  zookeeper_registered,    // this scheduler's node was made
  zookeeper_refused,       // something could not be read or made
  zookeeper_bad_data,      // a node holds what it should not
  processor_answered,      // an app's processor took a result
  processor_failed,        // a result that was to go to one and did not, or without an answer
  processor_overloaded,    // of these: too many waited
  processor_given_up,      // its breaker has opened
  processor_not_tried,     // a call failed because that is open
  agent_over_connections,  // a call failed because of agent.maxConnections
  agent_plain,             // connected without TLS, which was preferred
  tls_refused,             // a connection, in the handshake: a peer, or by a peer
  // Connections that were closed, one event for each Door::Refusal, in their order.
  thrift_stranger,
  thrift_full,
  thrift_address_full,
  thrift_slow,
  thrift_broken,
  http_stranger,
  http_full,
  http_address_full,
  http_slow,
  http_broken,
};
inline constexpr std::size_t kEvents = static_cast<std::size_t>(Event::http_broken) + 1;

// Where events are counted. Any thread.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void count(Event event) = 0;
};

}  // namespace elves
