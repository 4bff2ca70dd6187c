#include "cli/submit.h"

#include <fmt/format.h>

#include "cli/cancel.h"
#include "cli/commands.h"
#include "crypto/random.h"

namespace reachback::cli {

Result<SentAction> submit_action(Api& api, const std::string& machine, const std::string& body,
                                 const std::string& what) {
  // Sent again after a broken connection, the server knows it for the same request.
  crypto::SystemRandom random;
  net::Headers headers;
  headers.set("Idempotency-Key", ActionId::make(random).text());
  auto answer =
      api.post("/api/machines/" + machine + "/runliveresponse", body, "application/json", headers);
  if (!answer) {
    return answer.error().in(what + " on " + machine);
  }
  RB_TRY_ASSIGN(Fields action, Fields::parse(*answer));
  auto id = ActionId::parse(action.text("id"));
  if (!id) {
    return Error{Errc::protocol,
                 "the server gave no action id: see that REACHBACK_URL is a Reachback server"};
  }
  return SentAction{*id, std::move(action)};
}

Result<SentAction> submit_patiently(Api& api, const std::string& machine, const std::string& body,
                                    const std::string& what) {
  constexpr int kTriesMax = 40;
  for (int attempt = 1;; ++attempt) {
    auto sent = submit_action(api, machine, body, what);
    if (sent.ok() || sent.error().code != Errc::too_many_requests || attempt == kTriesMax ||
        !api.pause(std::chrono::seconds(15))) {
      return sent;
    }
  }
}

Result<Fields> watch_action(Api& api, const Terminal& terminal, const ActionId& id,
                            std::optional<Duration> timeout) {
  return wait_for_final(api, id, timeout, [&terminal, &id](const std::string& status) {
    tell_status(terminal, id, status);
  });
}

void tell_status(const Terminal& terminal, const ActionId& id, const std::string& status) {
  if (terminal.err_is_terminal && !is_final(status)) {
    complain("action " + id.text() + ": " + status);
  }
}

int leave_action(Api& api, const ActionId& id, bool cancel) {
  api.clear_interrupt();
  if (!cancel) {
    complain(
        fmt::format("interrupted: action {} goes on: reachback show {} tells how, reachback "
                    "cancel {} ends it",
                    id.text(), id.text(), id.text()));
    return kExitInterrupted;
  }
  auto action = cancel_action(api, id, "Interrupted at the keyboard");
  if (action.ok()) {
    complain(fmt::format("interrupted: action {} is {}", id.text(), action->text("status")));
  } else {
    complain(fmt::format("interrupted: action {} goes on, cancelling failed: {}", id.text(),
                         action.error().message));
  }
  return kExitInterrupted;
}

void complain_about(const Fields& action) {
  if (action.text("status") != "Succeeded") {
    complain(fmt::format("action {} is {}", action.text("id"), action.text("status")));
  }
  for (const Fields& command : action.objects("commands")) {
    for (const std::string& error : command.texts("errors")) {
      complain(error);
    }
  }
}

}  // namespace reachback::cli
