#include "cli/live.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cli/action.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

std::optional<std::uint64_t> number(const Fields& data, const char* name) {
  const std::string text = data.text(name);
  std::uint64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(out)
                                                                         : std::nullopt;
}

std::optional<ScriptStream> stream_of(const Fields& data) {
  const std::string name = data.text("stream");
  return name == "stdout"   ? std::optional(ScriptStream::output)
         : name == "stderr" ? std::optional(ScriptStream::errors)
                            : std::nullopt;
}

}  // namespace

bool LiveView::take(const ServerEvent& event) {
  auto data = Fields::parse(event.data);
  if (!data) {
    return true;
  }
  if (event.type == "status" || event.type == "end") {
    const std::string status = data->text("status");
    if (!status.empty() && status != status_ && callbacks_.on_status) {
      callbacks_.on_status(status);
    }
    status_ = status;
    ended_ = ended_ || event.type == "end";
  } else if (event.type == "output" && number(*data, "index") == index_) {
    return take_output(*data);
  } else if (event.type == "gap" && number(*data, "index") == index_) {
    take_gap(*data);
  }
  return true;
}

bool LiveView::take_output(const Fields& data) {
  const auto stream = stream_of(data);
  const auto offset = number(data, "offset"), length = number(data, "length");
  if (!stream || !offset || !length || *length > EventReader::kEventBytesMax) {
    return true;
  }
  ShownStream& shown = shown_.of(*stream);
  if (shown.has_gap || *offset + *length <= shown.raw_bytes) {
    return true;  // the rest comes from the result; or it was shown before the connection broke
  }
  if (*offset != shown.raw_bytes) {
    shown.has_gap = true;
    return true;
  }
  const std::string text = data.text("text");
  shown.raw_bytes += *length;
  shown.text_bytes += text.size();
  shown.text_hash.update(text);
  return callbacks_.on_text(*stream, text);
}

void LiveView::take_gap(const Fields& data) {
  const auto stream = stream_of(data);
  const auto to = number(data, "to");
  if (stream && (!to || *to > shown_.of(*stream).raw_bytes)) {
    shown_.of(*stream).has_gap = true;
  }
}

Result<void> follow_action(Api& api, const ActionId& id,
                           std::optional<SteadyClock::time_point> until, LiveView& view) {
  bool enough = false;
  EventReader reader([&view, &enough](const ServerEvent& event) {
    enough = !view.take(event);
    return !enough && !view.ended();
  });
  std::optional<SteadyClock::time_point> outage_since;
  for (;;) {
    Result<void> read;
    bool heard = false;
    auto followed = api.follow(action_path(id) + "/events", reader.last_id(), until,
                               [&reader, &read, &heard](std::string_view piece) {
                                 heard = true;
                                 read = reader.feed(piece);
                                 return read.ok();
                               });
    if (view.ended() || enough) {
      return {};
    }
    RB_TRY(read);
    const auto now = SteadyClock::now();
    if (api.interrupted() || (until && now >= *until) ||
        (!followed.ok() && !is_outage(followed.error().code))) {
      return followed.ok() ? Result<void>(Error{Errc::timed_out, "no end in time"}) : followed;
    }
    outage_since = heard || !outage_since ? now : *outage_since;
    const auto wait = std::chrono::milliseconds(reader.retry_ms().value_or(1000));
    if (now - *outage_since > kOutageMax || !api.pause(wait)) {
      return followed.ok() ? Result<void>(Error{Errc::unavailable, "the events ended too early"})
                           : followed;
    }
    reader.restart();
  }
}

std::string RestOfResult::rest(ScriptStream stream, std::string_view piece) {
  Read& read = stream == ScriptStream::output ? output_ : errors_;
  const auto left = shown_.of(stream).text_bytes - read.bytes;
  const std::string_view shown = piece.substr(0, left);
  read.bytes += shown.size();
  read.hash.update(shown);
  return std::string(piece.substr(shown.size()));
}

Result<void> RestOfResult::finish() {
  for (const ScriptStream stream : {ScriptStream::output, ScriptStream::errors}) {
    Read& read = stream == ScriptStream::output ? output_ : errors_;
    ShownStream& shown = shown_.of(stream);
    if (read.bytes != shown.text_bytes || read.hash.finish() != shown.text_hash.finish()) {
      return Error{Errc::mismatch, "what was shown live is not what the result says"};
    }
  }
  return {};
}

}  // namespace reachback::cli
