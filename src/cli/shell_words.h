// The table of a session's commands (GET /api/reachback/interactive): what `help` shows and what a
// terminal completes. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/fields.h"

namespace reachback::cli {

class ShellWords {
 public:
  explicit ShellWords(const Fields& table) : commands_(table.objects("commands")) {}

  // {"command","summary"} of each, in the table's order.
  Result<std::vector<Fields>> rows() const;
  // By its name or another one of it. Errors: not_found.
  Result<Fields> find(const std::string& name) const;
  std::vector<std::string> names() const;  // with the other names

 private:
  std::vector<Fields> commands_;
};

// "findfile name [-path PATH]": what may stand behind a command's name.
std::string usage_of(const Fields& command);

// What `help COMMAND` shows: how it is written, what it does, other names.
std::string explain(const Fields& command);

struct Completion {
  std::string insert;                // at the cursor
  std::vector<std::string> choices;  // to be shown when nothing can be inserted
};
// before: the line up to the cursor.
using Completer = std::function<Completion(const std::string& before)>;

// The first word is a command, the one behind run or putfile a file of the library, behind help a
// command again.
Completion complete_line(const std::string& before, const std::vector<std::string>& commands,
                         const std::function<std::vector<std::string>()>& library);

}  // namespace reachback::cli
