#include "cli/shell_session.h"

#include <charconv>

#include "base/bytes.h"
#include "crypto/random.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

constexpr const char* kSessions = "/api/reachback/sessions";

std::string session_path(const std::string& id) {
  return std::string(kSessions) + "/" + percent_encode(id);
}

Error strange() {
  return Error{Errc::protocol,
               "the answer is not that of a session: see that REACHBACK_URL is a Reachback server "
               "that has interactive sessions"};
}

// The session that the machine has is ended.
Result<void> close_others(Api& api, const std::string& machine) {
  RB_TRY_ASSIGN(const std::vector<Fields> open, list_all(api, kSessions));
  for (const Fields& session : open) {
    if (session.text("machineId") == machine) {
      RB_TRY(api.post(session_path(session.text("id")) + "/close", "{}", "application/json"));
    }
  }
  return {};
}

}  // namespace

Result<ShellCommand> ShellCommand::read(const Fields& answer, const std::string& line) {
  ShellCommand out;
  const std::string number = answer.text("number"), by = answer.text("by");
  std::from_chars(number.data(), number.data() + number.size(), out.number);
  out.line = line.empty() ? answer.text("commandLine") : line;
  out.name = answer.text("command");
  out.by_client = by == "client";
  out.by_agent = by == "agent";
  out.as_json = answer.text("output") == "json";
  out.file = answer.text("file");
  out.in_background = answer.text("background") == "true";
  out.columns = answer.texts("columns");
  out.parameters = answer.object("parameters");
  if (out.name.empty() || by.empty()) {
    return strange();
  }
  if (!out.by_client) {
    out.action = answer.object("action");
    out.id = ActionId::parse(out.action->text("id"));
    if (!out.id || out.number <= 0) {
      return strange();
    }
  }
  return out;
}

std::string ShellCommand::parameter(std::string_view parameter_name) const {
  return parameters ? parameters->text(parameter_name) : std::string();
}

std::string ShellCommand::label() const {
  return "[" + std::to_string(number) + "] " + line;
}

Result<ShellSession> ShellSession::open(Api& api, const std::string& machine,
                                        const std::string& comment, bool takes_over) {
  if (takes_over) {
    RB_TRY(close_others(api, machine));
  }
  json::Object body;
  if (!comment.empty()) {
    body["comment"] = comment;
  }
  auto answer = api.post("/api/reachback/machines/" + machine + "/sessions", json::write(body),
                         "application/json");
  if (!answer.ok()) {
    const Error& error = answer.error();
    return error.code == Errc::conflict
               ? Error{error.code, error.message + "; --take-over ends that session first"}
               : error.in("session on " + machine);
  }
  RB_TRY_ASSIGN(const Fields session, Fields::parse(*answer));
  const std::string id = session.text("id"), name = session.text("machineName");
  if (id.empty()) {
    return strange();
  }
  return ShellSession(api, session_path(id), machine, name.empty() ? machine : name,
                      session.text("idleTimeoutSeconds"));
}

std::string ShellSession::greeting() const {
  return "session on " + machine_name_ + ": help lists the commands, exit ends it" +
         (idle_timeout_s_.empty() ? "" : ", as do " + idle_timeout_s_ + " s without a command");
}

std::string ShellSession::new_key() {
  crypto::SystemRandom random;
  return ActionId::make(random).text();
}

Result<ShellCommand> ShellSession::send(const std::string& line, const std::string& folder,
                                        const std::string& key) {
  net::Headers headers;
  headers.set("Idempotency-Key", key);
  const json::Object body{{"commandLine", line}, {"currentDirectory", folder}};
  RB_TRY_ASSIGN(const std::string answer,
                api_.post(path_ + "/commands", json::write(body), "application/json", headers));
  RB_TRY_ASSIGN(const Fields fields, Fields::parse(answer));
  return ShellCommand::read(fields, line);
}

Result<std::vector<ShellCommand>> ShellSession::commands() {
  RB_TRY_ASSIGN(const std::vector<Fields> list, list_all(api_, path_ + "/commands"));
  std::vector<ShellCommand> out;
  for (const Fields& fields : list) {
    RB_TRY_ASSIGN(ShellCommand command, ShellCommand::read(fields, ""));
    out.push_back(std::move(command));
  }
  return out;
}

Result<Fields> ShellSession::about() {
  RB_TRY_ASSIGN(const std::string answer, api_.get(path_));
  return Fields::parse(answer);
}

Result<void> ShellSession::close() {
  RB_TRY(api_.post(path_ + "/close", "{}", "application/json"));
  return {};
}

Result<std::optional<Fields>> ShellSession::unfinished_action() {
  const std::string filter =
      "machineId eq '" + machine_ + "' and (status eq 'Pending' or status eq 'InProgress')";
  RB_TRY_ASSIGN(const std::string answer,
                api_.get("/api/machineactions?$top=1&$filter=" + percent_encode(filter)));
  RB_TRY_ASSIGN(const Fields page, Fields::parse(answer));
  const std::vector<Fields> actions = page.objects("value");
  return actions.empty() ? std::optional<Fields>() : std::optional(actions.front());
}

}  // namespace reachback::cli
