#include <fcntl.h>

#include "agent/builtin/commands.h"

namespace reachback::agent::builtin {

Result<void> change_folder(const Request& request, Output& output) {
  const auto path = request.text("path");
  if (!path) {
    return Error{Errc::invalid_input, "InvalidInput: path: is missing"};
  }
  RB_TRY_ASSIGN(const Found found, request.find(*path, O_DIRECTORY));
  output.add(Row().add("path", found.path));
  return {};
}

}  // namespace reachback::agent::builtin
