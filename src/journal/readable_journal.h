// A journal that people can look into.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dispatch/ports.h"

namespace elves {

// Which jobs a list has.
struct JobFilter {
  std::string state;  // "open" | "done" | a JobState's name | "" = any
  std::string ip;     // "" = any
  std::size_t limit = 100;
  std::size_t bytes = std::size_t{32} << 20;  // the job that brings what is shown to so many is the last

  // Whether state and ip let the record through. Open is everything but published; done is published.
  bool passes(const JobRecord& record) const;
};

// Newest first: by the time at which a job came, those of one time by their log ids.
struct JobList {
  std::vector<std::string> shown;
  bool more = false;    // there are others that the filter lets through
  std::string trouble;  // why not all could be read; then some may be missing
};

// Reading takes as long as there is to read, and so does what is made of it: none of it happens on the loop
// or holds up a write. Both functions are called on the loop, and find what was written before.
class ReadableJournal : public Journal {
 public:
  // What is shown of a job. Called on a thread of the journal's, as often as it likes, and so is `found`.
  using Show = std::function<std::string(const JobRecord&)>;

  // Nothing: the journal has no such job; an error: it cannot tell.
  virtual void find(LogId id, Show show, std::function<void(Result<std::optional<std::string>>)> found) = 0;
  virtual void list(JobFilter filter, Show show, std::function<void(JobList)> found) = 0;
};

}  // namespace elves
