// Bringing a stored decision to the agent: grant, sign, push (decisions.md 1).
#include <algorithm>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/variant.h"
#include "protocol/codec.h"
#include "server/service/live_response_service.h"

namespace reachback::server {
namespace {

std::int64_t ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

std::string text(std::string_view bytes) {
  return std::string(bytes);
}

pb::Command to_wire(const action::Command& c, const LiveResponseLimits& limits) {
  pb::Command out;
  switch (c.type) {
    case action::CommandType::run_script:
      out.set_type(pb::RUN_SCRIPT);
      out.set_output_bytes_max(limits.output_bytes_max);
      break;
    case action::CommandType::built_in:
    case action::CommandType::terminal:
      out.set_type(c.type == action::CommandType::terminal ? pb::TERMINAL : pb::BUILT_IN);
      out.set_file_name(c.file_name);
      out.set_output_bytes_max(limits.output_bytes_max);
      break;
    case action::CommandType::put_file:
      out.set_type(pb::PUT_FILE);
      out.set_keep(c.keep || limits.put_file_kept);
      break;
    case action::CommandType::collect:
      out.set_type(pb::COLLECT);
      out.set_file_name(c.file_name);
      out.set_output_bytes_max(limits.get_file_bytes_max);
      break;
    case action::CommandType::get_file:
      out.set_type(pb::GET_FILE);
      out.set_output_bytes_max(limits.get_file_bytes_max);
      out.set_raw(limits.get_file_raw);
      break;
  }
  if (takes_library_file(c.type)) {
    out.set_file_name(c.file_name);
    out.set_file_sha256(text(as_bytes(c.file_sha256)));
    out.set_file_bytes(c.file_bytes);
  }
  if (c.args) {
    out.set_args(*c.args);
    out.set_has_args(true);
  }
  out.set_path(c.path);
  out.set_timeout_ms(static_cast<std::uint64_t>(ms(c.timeout)));
  return out;
}

}  // namespace

void LiveResponseService::dispatch(TenantId tenant, MachineId machine) {
  if (!deps_.links.claim(machine)) {
    return;
  }
  deps_.actions.active_of(
      tenant, machine,
      [this, tenant, machine](const Result<std::optional<action::Action>>& active) {
        if (!active || !*active) {
          return;
        }
        auto claim = deps_.links.claim(machine);
        if (!claim || claim->tenant != tenant) {
          return;
        }
        auto t = std::make_shared<Transition>();
        t->tenant = (*active)->tenant;
        t->id = (*active)->id;
        t->event = action::Claimed{claim->generation};
        t->by.requestor = machine.text();
        // A refused claim ends by the reaper; an unavailable store is asked again by the sweep.
        t->done = [](const Result<action::Step>&) {};
        transition(t);
      });
}

// An order whose files are fetched by the agent over read links.
struct LinkedOrder {
  action::Action action;
  pb::ToAgent message;
  Timestamp links_expire;
};

// The session that may be given the order now, if there is one.
std::optional<Claim> LiveResponseService::claim_for(const action::Action& a) {
  auto claim = deps_.links.claim(a.machine);
  if (!claim || claim->tenant != a.tenant || claim->held.is(a.id, a.epoch)) {
    return std::nullopt;
  }
  if (RB_VARIANT("nogen") || (RB_VARIANT("lease_regrant") && claim->generation == a.generation)) {
    return claim;  // Whatever this agent's journal holds.
  }
  if (claim->generation != a.generation) {
    return std::nullopt;
  }
  const bool started =
      std::any_of(a.commands.begin(), a.commands.end(), [](const action::Command& c) {
        return c.started || c.status != action::CommandStatus::created;
      });
  if ((started || claim->taken.has(a.id, a.epoch)) && !claim->told.has(a.id, a.epoch)) {
    // It is in a journal already. An agent says what its journal holds before its first heartbeat:
    // who does not say this by then has another journal, and must not get the order.
    if (claim->heartbeat > 0) {
      deps_.links.suspect(a.machine, claim->session,
                          "its journal lacks an order that this machine has received");
    }
    return std::nullopt;
  }
  return claim;
}

// The files an order needs travel with it when they are small together, else as read links.
void LiveResponseService::send_order(const action::Action& a) {
  if (!claim_for(a)) {
    return;
  }
  std::uint64_t total = 0;
  for (const action::Command& c : a.commands) {
    total += c.file_bytes;
  }
  struct Gathering {
    action::Action action;
    std::vector<std::string> contents;
    std::atomic<std::size_t> left{1};
    std::atomic<bool> failed{false};
  };
  auto g = std::make_shared<Gathering>();
  g->action = a;
  if (total > protocol::kInlineScriptBytesMax) {
    push_order(a, {});
    return;
  }
  g->contents.resize(a.commands.size());
  auto finish_one = [this, g] {
    if (--g->left == 0 && !g->failed) {
      push_order(g->action, g->contents);
    }
  };
  for (std::size_t i = 0; i < a.commands.size(); ++i) {
    if (!takes_library_file(a.commands[i].type)) {
      continue;
    }
    ++g->left;
    deps_.library.version(
        a.tenant, a.commands[i].file_sha256, [this, g, i, finish_one](Result<LibraryFile> file) {
          if (!file) {
            log_error("library version is gone",
                      {field("action", g->action.id.text()), field("error", file.error().message)});
            g->failed = true;
            finish_one();
            return;
          }
          deps_.blobs.read(g->action.tenant, file->blob, protocol::kInlineScriptBytesMax,
                           [g, i, finish_one](Result<std::string> content) {
                             if (content) {
                               g->contents[i] = std::move(*content);
                             } else {
                               log_error("library file is not readable",
                                         {field("action", g->action.id.text()),
                                          field("error", content.error().message)});
                               g->failed = true;
                             }
                             finish_one();
                           });
        });
  }
  finish_one();
}

void LiveResponseService::push_order(const action::Action& a, std::vector<std::string> inlined) {
  // The claim is read before the clock: the heartbeat it names was sent before `now`, so that the
  // agent's window, counted from that heartbeat, ends before the server's.
  auto claim = claim_for(a);
  if (!claim) {
    return;
  }
  Timestamp now = deps_.clock.now();
  Duration left = std::min<Duration>(*a.granted + a.window - now, a.window);
  if (left <= Duration::zero()) {
    return;
  }
  pb::Order order;
  order.set_tenant(text(a.tenant.bytes()));
  order.set_machine(text(a.machine.bytes()));
  order.set_action(text(a.id.bytes()));
  order.set_epoch(a.epoch);
  order.set_generation(text((RB_VARIANT("nogen") ? claim->generation : *a.generation).bytes()));
  order.set_window_ms(static_cast<std::uint64_t>(ms(left)));
  order.set_session(claim->session);
  order.set_heartbeat(claim->heartbeat);
  order.set_not_after_us(to_micros(now + left));
  order.set_requestor(a.requestor);
  for (const action::Command& c : a.commands) {
    *order.add_commands() = to_wire(c, limits_);
  }
  auto o = std::make_shared<LinkedOrder>(LinkedOrder{a, {}, now + left});
  deps_.signer.sign(
      std::move(order), claim->order_keys_version,
      [this, o, inlined = std::move(inlined)](Result<pb::SignedOrder> signed_order) mutable {
        if (!signed_order) {
          // Granted and unsent: the next heartbeat asks again.
          log_error("order not signed", {field("action", o->action.id.text()),
                                         field("error", signed_order.error().message)});
          return;
        }
        *o->message.mutable_execute_order()->mutable_order() = std::move(*signed_order);
        push_signed(std::move(o), std::move(inlined));
      });
}

void LiveResponseService::push_signed(std::shared_ptr<LinkedOrder> o,
                                      std::vector<std::string> inlined) {
  if (inlined.empty()) {
    link_next_file(std::move(o), 0);
    return;
  }
  for (std::string& content : inlined) {
    auto* file = o->message.mutable_execute_order()->add_files();
    file->set_inlined(true);
    file->set_content(std::move(content));
  }
  RB_FAILPOINT("server.dispatch.before_push");
  deps_.links.push(o->action.machine, o->message);
}

// Adds read links to the library versions, one command after another, then pushes.
void LiveResponseService::link_next_file(std::shared_ptr<LinkedOrder> o, std::size_t index) {
  if (index == o->action.commands.size()) {
    RB_FAILPOINT("server.dispatch.before_push");
    deps_.links.push(o->action.machine, o->message);
    return;
  }
  const action::Command& c = o->action.commands[index];
  auto* file = o->message.mutable_execute_order()->add_files();
  if (!takes_library_file(c.type)) {
    link_next_file(std::move(o), index + 1);
    return;
  }
  deps_.library.version(
      o->action.tenant, c.file_sha256, [this, o, index, file](Result<LibraryFile> found) {
        auto url = found ? deps_.blobs.read_link(o->action.tenant, found->blob, o->links_expire,
                                                 LinkHost::agent_listener)
                         : Result<std::string>(found.error());
        if (!url) {
          log_error("library version is gone",
                    {field("action", o->action.id.text()), field("error", url.error().message)});
          return;
        }
        file->set_url(std::move(*url));
        link_next_file(o, index + 1);
      });
}

void LiveResponseService::send_cancel(const action::Action& a) {
  pb::ToAgent message;
  message.mutable_cancel_action()->set_action(text(a.id.bytes()));
  message.mutable_cancel_action()->set_epoch(a.epoch);
  deps_.links.push(a.machine, message);
}

}  // namespace reachback::server
