// `__complete`, which shells call, and `completion`, which gives them the script that does.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/fields.h"

namespace reachback::cli {
namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr unsigned kPatienceOfAll_s = 3;  // with the token, and whatever the network does
constexpr std::size_t kCandidatesMax = 1000;

// One page: somebody is typing.
std::vector<Fields> first_page(Api& api, const std::string& target) {
  auto body = api.get(target, kPatience);
  auto page = body.ok() ? Fields::parse(*body) : Result<Fields>(body.error());
  return page.ok() ? page->objects("value") : std::vector<Fields>();
}

std::vector<std::string> ask_server(Api& api, const std::string& kind) {
  std::vector<std::string> out;
  if (kind == "MACHINE" || kind == "TAG") {
    for (const Fields& machine : first_page(api, "/api/machines?$top=1000")) {
      const auto tags = machine.texts("machineTags");
      if (kind == "TAG") {
        out.insert(out.end(), tags.begin(), tags.end());
      } else {
        out.push_back(machine.text("computerDnsName"));
      }
    }
  } else if (kind == "ID") {
    for (const Fields& action : first_page(api, "/api/machineactions?$top=20")) {
      out.push_back(action.text("id"));
    }
  } else {
    for (const Fields& file : first_page(api, "/api/libraryfiles")) {
      out.push_back(file.text("fileName"));
    }
  }
  return out;
}

// A name that a shell could take for something else, or a terminal, is not offered.
bool is_plain(const std::string& candidate) {
  return !candidate.empty() && candidate.size() <= 255 && candidate.front() != '-' &&
         candidate.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
             "0123456789-_.:@+=/") == std::string::npos;
}

}  // namespace

Result<int> completion(const CompletionOptions& options) {
  RB_TRY(write_out(completion_script(options.shell)));
  return 0;
}

Result<int> complete_words(const OpenApi& open, const CompleteOptions& options) {
  ::alarm(kPatienceOfAll_s);  // ends the program: no candidates then
  const AskServer ask = [&open](const std::string& kind) {
    auto api = open();
    std::vector<std::string> names =
        api.ok() ? ask_server(**api, kind) : std::vector<std::string>();
    std::erase_if(names, [](const std::string& name) { return !is_plain(name); });
    const std::set<std::string> sorted(names.begin(), names.end());
    return std::vector<std::string>(sorted.begin(), sorted.end());
  };
  std::string out;
  std::size_t count = 0;
  for (const std::string& candidate : complete(manual(), options.words, ask)) {
    if (count++ < kCandidatesMax) {
      out += candidate + "\n";
    }
  }
  RB_TRY(write_out(out));
  return 0;
}

}  // namespace reachback::cli
