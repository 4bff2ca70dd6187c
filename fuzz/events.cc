// The CLI's reader of server-sent events. Pieces read as the whole does, and both as the standard's
// steps over the whole text say, written down once more in the plainest way; what is read, written
// again, is read as the same.
#include "cli/events.h"

#include <algorithm>
#include <vector>

#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

using cli::EventReader;
using cli::ServerEvent;

struct Event {
  std::string id, type, data;
  friend bool operator==(const Event&, const Event&) = default;
};

struct Read {
  std::vector<Event> events;
  std::string last_id;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view text, std::uint8_t seed) {
  Read out;
  EventReader reader([&out](const ServerEvent& e) {
    out.events.push_back({e.id, e.type, e.data});
    return true;
  });
  for (Cuts cuts(text, seed); !cuts.done();) {
    FUZZ_CHECK(reader.feed(cuts.next()).ok());  // inputs are shorter than the bound
  }
  out.last_id = reader.last_id();
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r') {
      out.push_back(std::exchange(line, {}));
      i += text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n' ? 1 : 0;
    } else {
      line += text[i];
    }
  }
  return out;  // a line without an end is none
}

bool is_sendable(const std::string& id) {
  return id.size() <= 1024 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Read expected(std::string_view text) {
  Read out;
  std::string id, type;
  std::vector<std::string> data;
  std::vector<std::string> lines = lines_of(text);
  if (!lines.empty() && lines[0].starts_with("\xef\xbb\xbf")) {
    lines[0].erase(0, 3);
  }
  for (const std::string& line : lines) {
    if (line.empty()) {
      out.last_id = id;
      std::string joined;
      for (std::size_t i = 0; i < data.size(); ++i) {
        joined += (i == 0 ? "" : "\n") + data[i];
      }
      if (!data.empty()) {
        out.events.push_back({id, type.empty() ? "message" : type, joined});
      }
      data.clear();
      type.clear();
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string field = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    value.erase(0, value.starts_with(" ") ? 1 : 0);
    if (field == "data") {
      data.push_back(value);
    } else if (field == "event") {
      type = value;
    } else if (field == "id" && is_sendable(value)) {
      id = value;
    }
  }
  return out;
}

std::string written(const Read& read) {
  std::string out;
  for (const Event& event : read.events) {
    out += "id: " + event.id + "\nevent: " + event.type + "\ndata: ";
    for (const char c : event.data) {
      out += c == '\n' ? std::string("\ndata: ") : std::string(1, c);
    }
    out += "\n\n";
  }
  return out;
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t seed = in.byte();
  const std::string_view text = in.rest();
  const Read whole = read(text, 0);
  FUZZ_CHECK(read(text, seed) == whole);
  FUZZ_CHECK(expected(text) == whole);
  FUZZ_CHECK(read(written(whole), seed).events == whole.events);
}

}  // namespace reachback::fuzz
