// Server-sent events. Source: WHATWG HTML, "Server-sent events" (text/event-stream).
#pragma once

#include <string>

#include "server/service/live_view.h"

namespace reachback::server::rest {

// One event, with its id and the empty line behind it. Its data is one line of JSON:
//   status  {"status","lastUpdateDateTimeUtc"}
//   command {"index","commandStatus","startTime","endTime","exitCode","errors"}; commandStatus is
//           "Started" while it runs
//   output  {"index","stream","offset","length","text"}
//   gap     {"index","stream","from"}
//   end     {"status"}
std::string render_event(const ViewEvent& event);
// Nothing, said now: a comment.
std::string render_silence();

}  // namespace reachback::server::rest
