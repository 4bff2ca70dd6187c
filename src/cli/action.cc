#include "cli/action.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/table.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr seconds kPollTimeout{30};  // Source: decisions.md 8

}  // namespace

std::string action_path(const ActionId& id) {
  return "/api/machineactions/" + id.text();
}

bool is_final(std::string_view status) {
  return status == "Succeeded" || status == "Failed" || status == "TimeOut" ||
         status == "Cancelled";
}

bool is_outage(Errc code) {
  return code == Errc::unavailable || code == Errc::timed_out || code == Errc::protocol;
}

Result<std::string> get_receipts(Api& api, const ActionId& id) {
  return api.get(action_path(id) + "/receipts");
}

Result<Fields> get_action(Api& api, const ActionId& id) {
  auto body = api.get(action_path(id));
  return body.ok() ? Fields::parse(*body) : body.error().in("action " + id.text());
}

Result<Fields> wait_for_final(Api& api, const ActionId& id, std::optional<Duration> timeout,
                              const std::function<void(const std::string& status)>& on_status) {
  std::string last_status;
  auto start = SteadyClock::now();
  std::optional<SteadyClock::time_point> outage_since;
  while (true) {
    seconds wait = kPollTimeout;
    if (timeout) {
      auto left = std::chrono::ceil<seconds>(start + *timeout - SteadyClock::now());
      if (left <= seconds(0)) {
        return Error{Errc::timed_out,
                     fmt::format("action {} did not end in time and goes on: reachback show {}",
                                 id.text(), id.text())};
      }
      wait = std::min(wait, left);
    }
    auto body = api.get(fmt::format("{}?waitFor=final&timeout={}s", action_path(id), wait.count()),
                        wait + kPollTimeout);
    if (!body) {
      if (api.interrupted() || !is_outage(body.error().code)) {
        return body.error();
      }
      auto now = SteadyClock::now();
      outage_since = outage_since.value_or(now);
      if (now - *outage_since > kOutageMax || !api.pause(seconds(1))) {
        return body.error();
      }
      continue;
    }
    outage_since.reset();
    RB_TRY_ASSIGN(Fields action, Fields::parse(*body));
    std::string status = action.text("status");
    if (status != last_status && on_status) {
      on_status(status);
    }
    last_status = status;
    if (is_final(status)) {
      return action;
    }
  }
}

Result<std::string> mint_link(Api& api, const ActionId& id, int index) {
  RB_TRY_ASSIGN(std::string body,
                api.get(fmt::format("{}/GetLiveResponseResultDownloadLink(index={})",
                                    action_path(id), index)));
  RB_TRY_ASSIGN(Fields answer, Fields::parse(body));
  return answer.text("value");
}

std::string describe_command(const Fields& command) {
  Fields what = command.object("command");
  std::string out = what.text("type");
  for (const Fields& parameter : what.objects("params")) {
    out += " " + parameter.text("value");
  }
  return out;
}

std::string describe_action(const Fields& action, const Terminal& terminal) {
  std::string out;
  auto line = [&out, &terminal](const char* name, const std::string& value,
                                Colour colour = Colour::none) {
    if (!value.empty()) {
      out += fmt::format("{:<10} {}\n", name, terminal.paint(colour, escape_line(value)));
    }
  };
  std::string status = action.text("status");
  line("action", action.text("id"));
  line("status", status, status_colour(status));
  line("type", action.text("type"));
  line("machine", action.text("computerDnsName") + " (" + action.text("machineId") + ")");
  line("requestor", action.text("requestor"));
  line("comment", action.text("requestorComment"));
  line("created", action.text("creationDateTimeUtc"));
  line("updated", action.text("lastUpdateDateTimeUtc"));
  line("cancelled", action.text("cancellationDateTimeUtc"));
  line("  by", action.text("cancellationRequestor"));
  line("  comment", action.text("cancellationComment"));
  Table table({"INDEX", "STATUS", "STARTED", "ENDED", "COMMAND"});
  table.colour_by_status(1);
  std::string errors;
  std::vector<Fields> commands = action.objects("commands");
  for (const Fields& command : commands) {
    table.add({command.text("index"), command.text("commandStatus"), command.text("startTime"),
               command.text("endTime"), describe_command(command)});
    for (const std::string& error : command.texts("errors")) {
      errors += "command " + command.text("index") + ": " + escape_line(error) + "\n";
    }
  }
  if (!commands.empty()) {
    out += "\n" + table.render(terminal);
  }
  return errors.empty() ? out : out + "\n" + errors;
}

}  // namespace reachback::cli
