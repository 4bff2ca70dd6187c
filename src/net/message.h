// HTTP messages as plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace reachback::net {

// Fields in order of arrival; names match without regard to case.
class Headers {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void set(std::string_view name, std::string value);
  void reserve(std::size_t fields) { fields_.reserve(fields); }
  // The first value, or nullopt.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;
  std::string target;  // as received: path and query, never decoded; absolute-form is reduced to
                       // path and query
  Headers headers;     // Host is always there, once
  std::string peer_ip;
  std::optional<std::uint64_t> content_length;  // nullopt: chunked or no body
  bool has_body = false;

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const {  // without '?'; empty when absent
    auto at = target.find('?');
    return at == std::string::npos ? std::string_view() : std::string_view(target).substr(at + 1);
  }
};

// A request body that was read whole: small ones in memory, larger ones in an unlinked temporary
// file that is mapped. Immutable, thread-safe.
class Body {
 public:
  virtual ~Body() = default;
  virtual std::string_view view() const = 0;
};

struct FileBody {
  std::shared_ptr<Fd> file;  // shared: a response may be copied before it is sent
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  // Called with what was sent, piece by piece, and with the last piece before it is sent. False
  // there: the connection is cut instead, so that nobody gets a complete body of wrong bytes.
  std::function<bool(std::string_view piece, bool last)> check = nullptr;
};

// A body of unknown length, pulled piece by piece: the next is asked for when the one before has
// been sent. Dropped when the body is over or the peer gone.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Calls `piece` once, now or later, on any thread. nullopt: the body is over, nothing is asked
  // any more. Loop thread.
  virtual void next(std::function<void(std::optional<std::string>)> piece) = 0;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date and Connection are the connection's business
  std::string body;
  std::optional<FileBody> file;  // instead of body; streamed in pieces
  std::shared_ptr<BodySource> source =
      {};                  // instead of both; sent chunked, to HTTP/1.0 until the end
  bool head_only = false;  // answer to HEAD: the length of body/file is told, nothing is sent
  bool close = false;      // close the connection after this answer
};

}  // namespace reachback::net
