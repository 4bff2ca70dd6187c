// /api/reachback/interactive, /api/reachback/sessions: interactive sessions.
// docs/interactive-sessions.md.
#include "crypto/digest.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/interactive_table.h"
#include "server/rest/json_body.h"
#include "server/rest/json_text.h"
#include "server/rest/of_call.h"
#include "server/rest/run_body.h"
#include "server/rest/settings_call.h"

namespace reachback::server::rest {
namespace {

std::string shown(const Core& core, const Call& call, const InteractiveSession& s) {
  std::string out;
  ObjectText o(out);
  o.text("id", s.id.text()).text("machineId", s.machine.text());
  o.text("machineName", s.machine_name).text("status", s.ended ? "Ended" : "Open");
  o.text("creator", s.creator).boolean("mine", s.caller == call.principal.caller);
  o.text("comment", s.comment);
  o.time("created", s.created).time("lastUsed", s.last_used).time_or_null("ended", s.ended);
  o.text_if_any("endReason", s.end_reason);
  o.number("idleTimeoutSeconds",
           std::chrono::duration_cast<std::chrono::seconds>(core.deps.interactive.idle_timeout())
               .count());
  o.number("commands", static_cast<std::int64_t>(s.commands));
  o.close();
  return out;
}

std::string_view name_of(DoneBy by) {
  return by == DoneBy::agent ? "agent" : by == DoneBy::action ? "action" : "client";
}

// What a line says of how it is shown.
void append_line(ObjectText& o, const CommandLine& line) {
  o.text("command", line.command->name).text("by", name_of(line.command->by));
  o.text("output", line.json ? "json" : "table").text_or_null("file", line.file);
  o.boolean("background", line.background);
  append_texts(o.value("columns"), line.command->columns);
}

std::string shown(const Call& call, const SessionCommand& command, const CommandLine& line) {
  std::string out;
  ObjectText o(out);
  o.number("number", static_cast<std::int64_t>(command.number));
  o.text("commandLine", command.line).text("currentDirectory", command.folder);
  append_line(o, line);
  o.value("action") += render_action(call.context("MachineActions/$entity"), command.action);
  o.close();
  return out;
}

// A line that was accepted. What another version of the server took and this one does not know is
// shown without a name.
CommandLine read_again(const Core& core, const std::string& text) {
  static const InteractiveCommand unknown{"", {}, DoneBy::action, false, false, "", {}, {}};
  auto line = parse_command_line(core.interactive, text);
  if (line) {
    return std::move(*line);
  }
  CommandLine out;
  out.command = &unknown;
  return out;
}

std::string shown_to_client(const CommandLine& line) {
  std::string out;
  ObjectText o(out);
  append_line(o, line);
  {
    ObjectText parameters(o.value("parameters"));
    for (const auto& [name, value] : line.parameters) {
      parameters.text(name, value);
    }
    parameters.close();
  }
  o.close();
  return out;
}

Result<SessionId> session_id(const Call& call) {
  auto id = SessionId::parse(call.params.front());
  return id ? Result<SessionId>(*id) : session_not_found(call.params.front());
}

// Of a call without a body. Refused already: nullopt.
std::optional<SessionId> session_of(const Core& core, const Call& call) {
  auto options = refuse_options(call.query);
  auto id = session_id(call);
  if (!options || !id) {
    core.refuse(call, options ? id.error() : options.error());
    return std::nullopt;
  }
  return *id;
}

Done<InteractiveSession> answer_session(Core& core, const CallPtr& call, int status) {
  return [&core, call, status](const Result<InteractiveSession>& session) {
    if (!session) {
      core.refuse(*call, session.error());
      return;
    }
    core.answer(*call, status, shown(core, *call, *session));
  };
}

Result<std::string> parse_comment(const Core& core, const Call& call) {
  RB_TRY(refuse_options(call.query));
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(call.content()));
  RB_TRY_ASSIGN(auto comment,
                optional_text(value.get_object(), "comment", core.bounds.comment_chars));
  return comment.value_or("");
}

struct Typed {
  std::string text;
  std::string folder;
  CommandLine line;
  std::optional<IdempotencyKey> key;
};

Result<Typed> parse_typed(const Core& core, const Call& call) {
  RB_TRY(refuse_options(call.query));
  RB_TRY_ASSIGN(const json::Value value, parse_json_object(call.content()));
  const json::Object& body = value.get_object();
  Typed out;
  RB_TRY_ASSIGN(auto key,
                parse_idempotency_key(call.request().headers, core.bounds.idempotency_key_chars));
  if (key) {
    crypto::Sha256Stream digest;
    digest.update(call.params.front());
    digest.update(call.content());
    out.key = IdempotencyKey{call.principal.caller, *key, digest.finish()};
  }
  RB_TRY_ASSIGN(out.text, required_text(body, "commandLine", core.bounds.interactive_line_bytes));
  if (out.text.size() > core.bounds.interactive_line_bytes) {
    return Error{Errc::invalid_input, "commandLine is longer than " +
                                          std::to_string(core.bounds.interactive_line_bytes) +
                                          " bytes"};
  }
  RB_TRY_ASSIGN(auto folder,
                optional_text(body, "currentDirectory", core.bounds.get_file_path_bytes));
  out.folder = folder.value_or("/");
  if (!out.folder.starts_with('/') || out.folder.size() > core.bounds.get_file_path_bytes) {
    return Error{Errc::invalid_input, "currentDirectory is no absolute path of at most " +
                                          std::to_string(core.bounds.get_file_path_bytes) +
                                          " bytes"};
  }
  RB_TRY_ASSIGN(out.line, parse_command_line(core.interactive, out.text));
  if (out.line.command->advanced &&
      !call.principal.may_any(bit(Permission::live_response_advanced))) {
    return Error{Errc::forbidden,
                 "'" + out.line.command->name + "' needs the role live response advanced"};
  }
  return out;
}

Result<SubmitCommand> command_of(const Core& core, const Typed& typed) {
  RB_TRY_ASSIGN(SubmitCommand out, command_of_line(typed.line, typed.folder));
  if (out.args && out.args->size() > core.bounds.args_bytes) {
    return Error{Errc::invalid_input, "commandLine: the parameters are longer than " +
                                          std::to_string(core.bounds.args_bytes) + " bytes"};
  }
  if (out.path.size() > core.bounds.get_file_path_bytes) {
    return Error{Errc::invalid_input, "commandLine: the path is longer than " +
                                          std::to_string(core.bounds.get_file_path_bytes) +
                                          " bytes"};
  }
  return out;
}

}  // namespace

void get_interactive_table(Core& core, const CallPtr& call) {
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  core.answer(*call, 200, std::string(interactive_table_text()));
}

void post_session(Core& core, const CallPtr& call) {
  auto comment = parse_comment(core, *call);
  auto machine = machine_id(*call);
  if (!comment || !machine) {
    core.refuse(*call, machine ? comment.error() : machine.error());
    return;
  }
  core.deps.interactive.open(call->principal, *machine, std::move(*comment),
                             answer_session(core, call, 201));
}

void get_sessions(Core& core, const CallPtr& call) {
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  core.deps.interactive.open_ones(
      call->principal, [&core, call](const Result<std::vector<InteractiveSession>>& sessions) {
        if (!sessions) {
          core.refuse(*call, sessions.error());
          return;
        }
        std::vector<std::string> objects;
        for (const InteractiveSession& session : *sessions) {
          objects.push_back(shown(core, *call, session));
        }
        core.answer(*call, 200, list_of(objects));
      });
}

void get_session(Core& core, const CallPtr& call) {
  if (auto id = session_of(core, *call)) {
    core.deps.interactive.get(call->principal, *id, answer_session(core, call, 200));
  }
}

void post_session_close(Core& core, const CallPtr& call) {
  if (auto id = session_of(core, *call)) {
    core.deps.interactive.end(call->principal, *id, answer_session(core, call, 200));
  }
}

void get_session_commands(Core& core, const CallPtr& call) {
  const auto id = session_of(core, *call);
  if (!id) {
    return;
  }
  core.deps.interactive.commands(
      call->principal, *id, [&core, call](const Result<std::vector<SessionCommand>>& commands) {
        if (!commands) {
          core.refuse(*call, commands.error());
          return;
        }
        std::vector<std::string> objects;
        for (const SessionCommand& command : *commands) {
          objects.push_back(shown(*call, command, read_again(core, command.line)));
        }
        core.answer(*call, 200, list_of(objects));
      });
}

void post_session_command(Core& core, const CallPtr& call) {
  auto id = session_id(*call);
  auto typed = parse_typed(core, *call);
  if (!id || !typed) {
    core.refuse(*call, id ? typed.error() : id.error());
    return;
  }
  if (typed->line.command->by == DoneBy::client) {
    // Whose it is and whether it is open is asked all the same.
    core.deps.interactive.open_to(
        call->principal, *id,
        [&core, call, line = typed->line](const Result<InteractiveSession>& session) {
          if (!session) {
            core.refuse(*call, session.error());
            return;
          }
          core.answer(*call, 200, shown_to_client(line));
        });
    return;
  }
  auto command = command_of(core, *typed);
  if (!command) {
    core.refuse(*call, command.error());
    return;
  }
  core.deps.interactive.run(call->principal, *id, typed->line,
                            TypedLine{typed->text, typed->folder, typed->key, std::move(*command)},
                            [&core, call, line = typed->line](const Result<SessionCommand>& done) {
                              if (!done) {
                                core.refuse(*call, done.error());
                                return;
                              }
                              core.answer(*call, 201, shown(*call, *done, line));
                            });
}

}  // namespace reachback::server::rest
