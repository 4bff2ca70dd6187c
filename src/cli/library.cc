#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/multipart.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "crypto/random.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

// The server has its own, lower limit (20 MB in MDE); this one keeps memory bounded.
constexpr std::uint64_t kUploadBytesMax = 256 << 20;

}  // namespace

Result<std::string> upload_file(Api& api, const Terminal& terminal,
                                const LibraryUploadOptions& options) {
  auto content = read_file(options.file, kUploadBytesMax);
  if (!content) {
    return Error{content.error().code, content.error().message + ": give a file that can be read"};
  }
  crypto::SystemRandom random;
  Multipart form(to_hex(random.bytes(16)));
  form.add("Description", options.description);
  form.add("ParametersDescription", options.parameters_description);
  form.add("HasParameters", options.has_parameters ? "true" : "false");
  form.add("OverrideIfExists", options.replace ? "true" : "false");
  form.add_file("file", options.name, *content);
  Meter meter(terminal, options.name);
  const std::string body = form.body();
  auto answer = api.post("/api/libraryfiles", body, form.content_type(), {},
                         [&meter, size = body.size()](std::uint64_t sent) {
                           meter.show(std::min<std::uint64_t>(sent, size), size);
                         });
  return answer.ok() ? answer : answer.error().in("upload " + options.name);
}

Result<int> library_upload(Api& api, const Terminal& terminal,
                           const LibraryUploadOptions& options) {
  RB_TRY_ASSIGN(std::string body, upload_file(api, terminal, options));
  RB_TRY_ASSIGN(Fields entry, Fields::parse(body));
  if (options.json) {
    RB_TRY(write_out(entry.json() + "\n"));
    return 0;
  }
  RB_TRY(write_out(fmt::format("{} sha256 {}\n", escape_line(entry.text("fileName")),
                               escape_line(entry.text("sha256")))));
  return 0;
}

Result<int> library_list(Api& api, const Terminal& terminal, const LibraryListOptions& options) {
  RB_TRY_ASSIGN(std::vector<Fields> list, list_all(api, "/api/libraryfiles"));
  if (options.json) {
    RB_TRY(write_out(json_array(list)));
    return 0;
  }
  Table table({"NAME", "SHA256", "UPDATED", "BY", "DESCRIPTION"});
  for (const Fields& file : list) {
    table.add({file.text("fileName"), file.text("sha256").substr(0, 16),
               file.text("lastUpdatedTime"), file.text("createdBy"), file.text("description")});
  }
  RB_TRY(write_out(table.render(terminal)));
  return 0;
}

Result<int> library_delete(Api& api, const Terminal&, const LibraryDeleteOptions& options) {
  auto removed = api.remove("/api/libraryfiles/" + percent_encode(options.name));
  if (!removed) {
    return removed.error().in(options.name);
  }
  RB_TRY(write_out(options.json ? "{\"removed\":" + json::quote(options.name) + "}\n"
                                : escape_line(options.name) + " removed\n"));
  return 0;
}

}  // namespace reachback::cli
