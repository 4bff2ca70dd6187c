// GET /api/machineactions/{id}/events: a live view as server-sent events.
#include "base/log.h"
#include "server/rest/call.h"
#include "server/rest/event_stream.h"
#include "server/rest/handlers.h"
#include "server/rest/of_call.h"

namespace reachback::server::rest {
namespace {

bool may_see_output(Core& core, const Call& call, const Principal& by) {
  return by.may_any(core.enough_for(call, "actions.link"));
}

// What the caller may see counts at each step: a role that was taken away, a token that has expired
// end the stream.
Result<Principal> still_may(Core& core, const Call& call, bool with_output) {
  Principal now = call.principal;
  if (core.deps.clock.now() >= now.expires) {
    return Error{Errc::unauthenticated, "The token has expired"};
  }
  RB_TRY(core.deps.user_access.rights.apply(now));
  if (!now.may_any(core.enough_for(call)) || (with_output && !may_see_output(core, call, now))) {
    return Error{Errc::forbidden, "The token lacks the permission that this operation needs"};
  }
  return now;
}

class EventStream : public net::BodySource, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Core& core, CallPtr call, std::shared_ptr<LiveView> view, OpenViews::Place place,
              bool with_output)
      : core_(core),
        call_(std::move(call)),
        view_(std::move(view)),
        place_(std::move(place)),
        with_output_(with_output) {}

  // Before next(): what the view said first.
  void begin_with(std::vector<ViewEvent> events) { first_ = std::move(events); }

  void next(std::function<void(std::optional<std::string>)> piece) override {
    if (over_) {
      piece(std::nullopt);
      return;
    }
    if (first_) {
      piece(text_of(*std::exchange(first_, std::nullopt)));
      return;
    }
    auto may = still_may(core_, *call_, with_output_);
    if (!may) {
      piece(std::nullopt);
      return;
    }
    view_->next(*may, [weak = weak_from_this(), piece](Result<std::vector<ViewEvent>> events) {
      auto self = weak.lock();
      piece(self && events ? std::optional(self->text_of(*events)) : std::nullopt);
    });
  }

 private:
  std::string text_of(const std::vector<ViewEvent>& events) {
    std::string out = events.empty() ? render_silence() : "";
    for (const ViewEvent& event : events) {
      out += render_event(event);
      over_ = over_ || event.kind == ViewEvent::Kind::end;
    }
    return out;
  }

  Core& core_;
  CallPtr call_;
  std::shared_ptr<LiveView> view_;
  OpenViews::Place place_;
  const bool with_output_;
  std::optional<std::vector<ViewEvent>> first_;
  bool over_ = false;
};

// Where an earlier stream was cut. Errors: invalid_input.
Result<std::optional<ViewPosition>> last_position(const Call& call) {
  auto header = call.request().headers.get("Last-Event-ID");
  auto option = values_of(call.query, "lastEventId");
  if (option.size() > 1 || call.request().headers.count("Last-Event-ID") > 1) {
    return Error{Errc::invalid_input, "The last event id is there twice"};
  }
  const std::string_view text = header ? *header : option.empty() ? "" : option[0];
  if (text.empty()) {
    return std::optional<ViewPosition>();
  }
  auto position = ViewPosition::parse(text);
  if (!position) {
    return Error{Errc::invalid_input, "The last event id is none of this server's"};
  }
  return position;
}

void answer_with_events(Core& core, const CallPtr& call, const std::shared_ptr<EventStream>& stream,
                        bool with_output, const ActionId& id) {
  auto answer = [&core, call, stream] {
    net::Response response;
    response.headers.add("Content-Type", "text/event-stream");
    response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.headers.add("X-Accel-Buffering", "no");  // nginx between: hand on at once
    response.source = stream;
    core.answer(*call, std::move(response));
  };
  if (!with_output) {
    answer();
    return;
  }
  AccessRecord record;
  record.tenant = call->principal.tenant;
  record.kind = "watch";
  record.principal = call->principal.requestor;
  record.token_id = call->principal.token_id;
  record.object = id.text();
  record.result = "begun";
  record.request = call->principal.origin.request;
  core.record(call, std::move(record), answer);
}

}  // namespace

void get_action_events(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  auto from = last_position(*call);
  if (!id || !options || !from) {
    core.refuse(*call, !id ? id.error() : !options ? options.error() : from.error());
    return;
  }
  auto place = core.open_views.enter(call->principal.tenant.text() + call->principal.caller,
                                     core.bounds.live_views_of_caller, core.bounds.live_views);
  if (!place) {
    Refusal refusal(Error{Errc::too_many_requests, "Too many live views are open"});
    core.refuse(*call, refusal.retry_after(LiveView::kTick));
    return;
  }
  const bool with_output = may_see_output(core, *call, call->principal);
  auto view = core.deps.live_response.watch(*id, with_output, *from);
  auto stream = std::make_shared<EventStream>(core, call, view, std::move(place), with_output);
  // The first step before the answer, so that an action that is not there is a 404.
  view->next(call->principal, [&core, call, view, stream, with_output,
                               id = *id](Result<std::vector<ViewEvent>> events) {
    if (!events) {
      core.refuse(*call, events.error());
      return;
    }
    stream->begin_with(std::move(*events));
    answer_with_events(core, call, stream, with_output, id);
  });
}

}  // namespace reachback::server::rest
