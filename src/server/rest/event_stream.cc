#include "server/rest/event_stream.h"

#include <fmt/format.h>

#include "server/rest/json_text.h"
#include "server/rest/names.h"

namespace reachback::server::rest {
namespace {

std::string_view stream_name(ViewEvent::Stream stream) {
  return stream == ViewEvent::Stream::out ? "stdout" : "stderr";
}

std::string_view state_of(const action::Command& command) {
  return command.status == action::CommandStatus::created && command.started
             ? "Started"
             : command_status_name(command.status);
}

void append_command(ObjectText& o, const ViewEvent& e) {
  o.number("index", e.index).text("commandStatus", state_of(e.command));
  o.time_or_null("startTime", e.command.started).time_or_null("endTime", e.command.ended);
  if (e.command.exit_code) {
    o.number("exitCode", *e.command.exit_code);
  } else {
    o.null("exitCode");
  }
  std::string& errors = o.value("errors");
  errors += '[';
  for (const std::string& error : e.command.errors) {
    errors += errors.back() == '[' ? "" : ",";
    append_json_string(errors, error);
  }
  errors += ']';
}

std::string_view append_data(ObjectText& o, const ViewEvent& e) {
  switch (e.kind) {
    case ViewEvent::Kind::status:
      o.text("status", status_name(e.status)).time("lastUpdateDateTimeUtc", e.updated);
      return "status";
    case ViewEvent::Kind::command:
      append_command(o, e);
      return "command";
    case ViewEvent::Kind::output:
      o.number("index", e.index).text("stream", stream_name(e.stream));
      o.number("offset", static_cast<std::int64_t>(e.offset));
      o.number("length", static_cast<std::int64_t>(e.bytes)).text("text", e.text);
      return "output";
    case ViewEvent::Kind::gap:
      o.number("index", e.index).text("stream", stream_name(e.stream));
      o.number("from", static_cast<std::int64_t>(e.offset));
      return "gap";
    case ViewEvent::Kind::end:
      o.text("status", status_name(e.status));
      return "end";
  }
  return "";
}

}  // namespace

std::string render_event(const ViewEvent& event) {
  std::string data;
  ObjectText object(data);
  const std::string_view name = append_data(object, event);
  object.close();
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.after.text(), name, data);
}

std::string render_silence() {
  return ":\n\n";
}

}  // namespace reachback::server::rest
