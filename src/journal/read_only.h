// A SQLite file as somebody has it who only looks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace elves::journal {

// One thread at a time. Everything throws std::runtime_error with what SQLite says; Damage when the file is.
class ReadOnly {
 public:
  // The file must be there. Another connection's lock is waited for some seconds.
  explicit ReadOnly(const std::string& path);

  // What queries find from now on does not change until this connection ends.
  void hold_still();

 private:
  friend class Query;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

// A query of one connection, which must outlive it.
class Query {
 public:
  Query(ReadOnly& connection, std::string_view sql);

  // Begins anew with these arguments, of which the text must live until the last row.
  template <class... Arguments>
  Query& with(const Arguments&... arguments) {
    reset();
    int place = 0;
    (bind(++place, arguments), ...);
    return *this;
  }
  // Whether there is one more row.
  bool next();
  // Of the row, by column from 0; bytes are valid until next() or reset().
  long long number(int column) const;
  std::string_view bytes(int column) const;
  // Lets go of the locks that reading needs.
  void reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void bind(int place, long long value);
  void bind(int place, std::string_view text);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace elves::journal
