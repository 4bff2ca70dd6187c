// Answers /console/… and leads there from /.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "server/console/console_files.h"
#include "server/ports/directory.h"
#include "server/ports/route_row.h"

namespace reachback::server {

// What /console/config.json says beside what follows from the request.
struct ConsoleSettings {
  TenantId tenant;
  std::string agents_url;
  std::string version;  // of the program
  std::string profile;
};

// Any thread. What it borrows outlives it and every request handed to it.
class ConsoleHttp {
 public:
  struct Deps {
    AppStore& apps;
    // The address under which a request came to us: "https://host[:port]".
    std::function<std::string(const net::Request&)> base_of;
    // An error as the API has it.
    std::function<net::Response(int status, std::string_view message)> error;
  };
  ConsoleHttp(ConsoleFiles files, Deps deps, ConsoleSettings settings)
      : files_(std::move(files)), deps_(std::move(deps)), settings_(std::move(settings)) {}

  bool handles(std::string_view path) const;
  // Of a path that it handles.
  void handle(const std::shared_ptr<net::Exchange>& exchange) const;
  static std::vector<RouteRow> route_rows();

 private:
  net::Response file(const net::Request& request, std::string_view path) const;
  net::Response config(const net::Request& request, const Result<App>& app) const;

  ConsoleFiles files_;
  Deps deps_;
  ConsoleSettings settings_;
};

// Whether the value of an Accept-Encoding takes gzip. Source: RFC 9110 §12.5.3.
bool takes_gzip(std::string_view accept_encoding);

}  // namespace reachback::server
