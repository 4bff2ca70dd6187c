// /api/reachback/webhooks: which there are, how their deliveries went, a test.
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/rest/settings_call.h"

namespace reachback::server::rest {
namespace {

std::string_view name_of(DeliveryState state) {
  return state == DeliveryState::delivered  ? "delivered"
         : state == DeliveryState::given_up ? "givenUp"
                                            : "waiting";
}

void time_or_null(ObjectText& object, std::string_view name, const std::optional<Timestamp>& at) {
  if (at) {
    object.time(name, *at);
  } else {
    object.null(name);
  }
}

std::string shown(const WebhookDelivery& d) {
  std::string out;
  ObjectText object(out);
  object.number("id", static_cast<std::int64_t>(d.id));
  object.text("webhook", d.hook);
  object.text("eventId", d.event);
  object.text("type", d.type);
  object.text("object", d.object);
  object.time("happened", d.happened);
  object.text("state", name_of(d.state));
  object.number("attempts", d.attempts);
  time_or_null(object, "lastAttempt", d.tried);
  time_or_null(object, "nextAttempt",
               d.state == DeliveryState::waiting ? std::optional(d.next) : std::nullopt);
  if (d.status) {
    object.number("status", *d.status);
  } else {
    object.null("status");
  }
  object.text_if_any("error", d.error);
  object.close();
  return out;
}

std::string shown(const WebhookStatus& w) {
  std::string out;
  ObjectText object(out);
  object.text("name", w.name);
  object.text("url", w.url);
  append_texts(object.value("events"), w.events);
  object.number("waiting", static_cast<std::int64_t>(w.counts.waiting));
  if (w.counts.last) {
    object.value("last") += shown(*w.counts.last);
  } else {
    object.null("last");
  }
  object.close();
  return out;
}

struct LogQuery {
  std::uint64_t before = UINT64_MAX;
  std::uint64_t top = 0;
};

Result<LogQuery> parse_log_query(const Pairs& pairs, const Bounds& bounds) {
  LogQuery out;
  out.top = bounds.audit_page_default;
  for (const auto& [name, value] : pairs) {
    if (values_of(pairs, name).size() > 1) {
      return there_twice(name);
    }
    if (equals_ignore_case(name, "$top")) {
      RB_TRY_ASSIGN(out.top, parse_bounded("$top", value, bounds.audit_page));
      if (out.top == 0) {
        return Error{Errc::invalid_query, "$top must be at least 1"};
      }
    } else if (name == "before") {
      RB_TRY_ASSIGN(out.before, parse_bounded("before", value, INT64_MAX));
    } else if (is_option(name) || name.starts_with('$')) {
      return not_supported(name);
    }
  }
  return out;
}

}  // namespace

void get_webhooks(Core& core, const CallPtr& call) {
  auto options = refuse_options(call->query);
  auto by = settings_caller(core, *call);
  if (!options || !by) {
    core.refuse(*call, options ? by.error() : options.error());
    return;
  }
  core.deps.settings.webhooks->list([&core, call](const Result<std::vector<WebhookStatus>>& all) {
    if (!all) {
      core.refuse(*call, all.error());
      return;
    }
    std::vector<std::string> objects;
    objects.reserve(all->size());
    for (const WebhookStatus& webhook : *all) {
      objects.push_back(shown(webhook));
    }
    core.answer(*call, 200, list_of(objects));
  });
}

void get_webhook_deliveries(Core& core, const CallPtr& call) {
  auto query = parse_log_query(call->query, core.bounds);
  auto by = settings_caller(core, *call);
  if (!query || !by) {
    core.refuse(*call, query ? by.error() : query.error());
    return;
  }
  core.deps.settings.webhooks->deliveries(
      call->params.front(), query->before, query->top,
      [&core, call](const Result<std::vector<WebhookDelivery>>& log) {
        if (!log) {
          core.refuse(*call, log.error());
          return;
        }
        std::vector<std::string> objects;
        objects.reserve(log->size());
        for (const WebhookDelivery& delivery : *log) {
          objects.push_back(shown(delivery));
        }
        core.answer(*call, 200, list_of(objects));
      });
}

void post_webhook_test(Core& core, const CallPtr& call) {
  auto options = refuse_options(call->query);
  auto by = settings_caller(core, *call);
  if (!options || !by) {
    core.refuse(*call, options ? by.error() : options.error());
    return;
  }
  core.deps.settings.webhooks->test(call->params.front(), by->audit,
                                    [&core, call](const Result<WebhookDelivery>& made) {
                                      if (!made) {
                                        core.refuse(*call, made.error());
                                        return;
                                      }
                                      core.answer(*call, 201, shown(*made));
                                    });
}

}  // namespace reachback::server::rest
