#include "agent/wire/policy_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "base/bytes.h"
#include "base/file.h"
#include "json/json.h"

namespace reachback::data {
extern const std::string_view agent_limits_json;  // api/limits.json
}

namespace reachback::agent {
namespace {

constexpr std::uint64_t kFileBytesMax = 1 << 20;
constexpr std::uint64_t kMemoryBytesMin = 16 << 20;

Error wrong(std::string why) {
  return Error{Errc::invalid_input, std::move(why)};
}

using Reader = std::function<Result<void>(const toml::node&)>;
using Readers = std::map<std::string, Reader, std::less<>>;

// Every key of the table is one of `readers`; the first problem ends it, with its line.
Result<void> read_table(const toml::table& table, const std::string& prefix,
                        const std::string& file, const Readers& readers) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string where = fmt::format("{}:{}: ", file, node.source().begin.line);
    const auto reader = readers.find(std::string(key.str()));
    if (reader == readers.end()) {
      return wrong(fmt::format("{}unknown key '{}'", where, name));
    }
    if (auto read = reader->second(node); !read.ok()) {
      const std::string& why = read.error().message;
      if (why.starts_with(file + ":")) {
        return read.error();
      }
      std::string text = where;
      text.append(name).append(" ").append(why);
      return wrong(std::move(text));
    }
  }
  return {};
}

Reader table(const std::string& prefix, const std::string& file, const Readers& readers) {
  return [=](const toml::node& node) -> Result<void> {
    return node.is_table() ? read_table(*node.as_table(), prefix, file, readers)
                           : Result<void>(wrong("is not a table"));
  };
}

Reader boolean(bool& out) {
  return [&out](const toml::node& node) -> Result<void> {
    if (!node.is_boolean()) {
      return wrong("is not true or false");
    }
    out = node.as_boolean()->get();
    return {};
  };
}

Reader number(std::uint64_t& out, std::int64_t low, std::int64_t high) {
  return [&out, low, high](const toml::node& node) -> Result<void> {
    if (!node.is_integer() || node.as_integer()->get() < low || node.as_integer()->get() > high) {
      return wrong("is not a whole number from " + std::to_string(low) + " to " +
                   std::to_string(high));
    }
    out = static_cast<std::uint64_t>(node.as_integer()->get());
    return {};
  };
}

Reader text(std::function<Result<void>(const std::string&)> take) {
  return [take = std::move(take)](const toml::node& node) -> Result<void> {
    return node.is_string() ? take(node.as_string()->get())
                            : Result<void>(wrong("is not a string"));
  };
}

Reader texts(std::function<Result<void>(const std::string&)> take) {
  return [take = std::move(take)](const toml::node& node) -> Result<void> {
    if (!node.is_array()) {
      return wrong("is not a list of strings");
    }
    for (const auto& element : *node.as_array()) {
      if (!element.is_string()) {
        return wrong("is not a list of strings");
      }
      RB_TRY(take(element.as_string()->get()));
    }
    return {};
  };
}

Result<std::uint64_t> parse_bytes(const std::string& value) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(value.data() + value.size() - end));
  const std::uint64_t scale = unit == "MiB" ? 1 << 20 : unit == "GiB" ? 1 << 30 : 0;
  if (error != std::errc() || scale == 0 || count > (1u << 20) || count * scale < kMemoryBytesMin) {
    return wrong("'" + value + "' is not an amount like 512MiB or 2GiB, at least 16MiB");
  }
  return count * scale;
}

std::optional<int> parse_minute(std::string_view value) {
  const auto digit = [&](std::size_t i) { return value[i] - '0'; };
  if (value.size() != 5 || value[2] != ':') {
    return std::nullopt;
  }
  for (const std::size_t i : {0, 1, 3, 4}) {
    if (digit(i) < 0 || digit(i) > 9) {
      return std::nullopt;
    }
  }
  const int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
  const bool good = minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
  return good ? std::optional(hour * 60 + minute) : std::nullopt;
}

// "22:00-06:00", "Sat,Sun 00:00-24:00", "Mon-Fri 08:00-17:30".
Result<QuietHours> parse_hours(const std::string& value) {
  static constexpr std::string_view kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const Error bad = wrong("'" + value + "' is not like 22:00-06:00 or Mon-Fri 08:00-17:00");
  const auto day_of = [](std::string_view name) {
    for (int i = 0; i < 7; ++i) {
      if (kDays[i] == name) {
        return i;
      }
    }
    return -1;
  };
  QuietHours out;
  out.text = value;
  std::string_view rest = value;
  if (const auto space = rest.find(' '); space != std::string_view::npos) {
    std::fill(std::begin(out.days), std::end(out.days), false);
    for (std::string_view days = rest.substr(0, space); !days.empty();) {
      const std::string_view item = days.substr(0, days.find(','));
      days.remove_prefix(std::min(item.size() + 1, days.size()));
      const auto dash = item.find('-');
      const int first = day_of(item.substr(0, dash));
      const int last = dash == std::string_view::npos ? first : day_of(item.substr(dash + 1));
      if (first < 0 || last < 0) {
        return bad;
      }
      for (int day = first;; day = (day + 1) % 7) {
        out.days[day] = true;
        if (day == last) {
          break;
        }
      }
    }
    rest.remove_prefix(space + 1);
  }
  const auto from = parse_minute(rest.substr(0, rest.find('-')));
  const auto to = rest.find('-') == std::string_view::npos
                      ? std::nullopt
                      : parse_minute(rest.substr(rest.find('-') + 1));
  if (!from || !to || *from == *to || *from == 24 * 60) {
    return bad;
  }
  out.from = *from;
  out.to = *to;
  return out;
}

Reader hashes(std::set<std::string>& out) {
  return texts([&out](const std::string& value) -> Result<void> {
    auto bytes = from_hex(value);
    if (!bytes || bytes->size() != 32) {
      return wrong("holds '" + value + "', which is not a SHA-256 in lower-case hex digits");
    }
    out.insert(std::move(*bytes));
    return {};
  });
}

Result<void> take_command(Policy& policy, const std::string& name) {
  bool* const flag = name == "RunScript"  ? &policy.run_script
                     : name == "PutFile"  ? &policy.put_file
                     : name == "GetFile"  ? &policy.get_file
                     : name == "BuiltIn"  ? &policy.built_in
                     : name == "Collect"  ? &policy.collect
                     : name == "Terminal" ? &policy.terminal
                                          : nullptr;
  if (flag == nullptr) {
    return wrong("holds '" + name +
                 "', which is not RunScript, PutFile, GetFile, BuiltIn, Collect or Terminal");
  }
  *flag = true;
  return {};
}

// Of api/limits.json, the newest profile.
std::uint64_t default_of(std::string_view name) {
  auto value = json::parse(data::agent_limits_json);
  for (const auto& limit : value->as_object().at("limits").as_array()) {
    if (limit.as_object().at("name").as_string() == name) {
      return static_cast<std::uint64_t>(limit.as_object().at("2026").to_number<std::int64_t>());
    }
  }
  return 0;
}

}  // namespace

Result<PolicyFile> parse_policy(std::string_view text_of_file, const std::string& file) {
  PolicyFile out;
  Policy& policy = out.policy;
  policy.source = file;
  out.limits.memory_bytes_max = default_of("agent_script_memory");
  out.limits.processes_max = default_of("agent_script_processes");
  out.limits.cpu_weight = default_of("agent_script_cpu_weight");
  const toml::parse_result parsed = toml::parse(text_of_file, file);
  if (!parsed) {
    return wrong(file + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                 std::string(parsed.error().description()));
  }
  const Readers scripts = {
      {"allow_sha256", hashes(policy.allowed_sha256)},
      {"deny_sha256", hashes(policy.denied_sha256)},
      {"require_signature", boolean(policy.require_signature)},
      {"signing_keys", texts([&](const std::string& value) -> Result<void> {
         const auto der = from_base64(value);
         auto key = der ? crypto::Ed25519PublicKey::from_spki(*der)
                        : Result<crypto::Ed25519PublicKey>(wrong(""));
         if (!key.ok()) {
           return wrong("holds '" + value + "', which `reachback-agent sign` has not printed");
         }
         policy.signing_keys.push_back(std::move(*key));
         return {};
       })}};
  const Readers get_file = {
      {"read_roots", texts([&](const std::string& value) -> Result<void> {
         std::string root = value;
         while (root.size() > 1 && root.back() == '/') {
           root.pop_back();
         }
         if (!root.starts_with('/') || root.find("/..") != std::string::npos) {
           return wrong("holds '" + value + "', which is not an absolute path");
         }
         policy.read_roots.push_back(std::move(root));
         return {};
       })}};
  const Readers limits = {{"memory_max", text([&](const std::string& value) -> Result<void> {
                             RB_TRY_ASSIGN(out.limits.memory_bytes_max, parse_bytes(value));
                             return {};
                           })},
                          {"processes_max", number(out.limits.processes_max, 8, 1 << 22)},
                          {"cpu_weight", number(out.limits.cpu_weight, 1, 10'000)}};
  const Readers top = {
      {"commands",
       [&](const toml::node& node) -> Result<void> {
         policy.run_script = policy.put_file = policy.get_file = policy.built_in = policy.collect =
             policy.terminal = false;
         return texts([&](const std::string& name) { return take_command(policy, name); })(node);
       }},
      {"quiet_hours", texts([&](const std::string& value) -> Result<void> {
         RB_TRY_ASSIGN(QuietHours hours, parse_hours(value));
         policy.quiet.push_back(std::move(hours));
         return {};
       })},
      {"network_user", text([&](const std::string& value) -> Result<void> {
         if (value.empty() || value.find(':') != std::string::npos) {
           return wrong("is not a user's name");
         }
         out.network_user = value;
         return {};
       })},
      {"scripts", table("scripts.", file, scripts)},
      {"get_file", table("get_file.", file, get_file)},
      {"limits", table("limits.", file, limits)}};
  RB_TRY(read_table(parsed.table(), "", file, top));
  if (policy.require_signature && policy.signing_keys.empty() && policy.allowed_sha256.empty()) {
    return wrong(file +
                 ": scripts.require_signature without any key in scripts.signing_keys: "
                 "nothing could run");
  }
  const bool is_bound = policy.require_signature || !policy.allowed_sha256.empty() ||
                        !policy.denied_sha256.empty() || !policy.read_roots.empty();
  if (policy.terminal && is_bound) {
    return wrong(file +
                 ": commands holds Terminal: what is typed there is bound neither by [scripts] nor "
                 "by get_file.read_roots; leave one of them out");
  }
  return out;
}

Result<PolicyFile> load_policy(const std::string& state_folder) {
  for (const std::string& path : {state_folder + "/policy.toml", std::string(kSystemPolicy)}) {
    auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file.ok() && file.error().code == Errc::not_found) {
      continue;
    }
    if (!file.ok()) {
      return file.error();
    }
    struct stat status{};
    if (::fstat(file->get(), &status) != 0) {
      return errno_error("policy", path);
    }
    const auto refuse = [&](const char* why) {
      return Error{Errc::forbidden, "policy " + path + ": " + why};
    };
    if (!S_ISREG(status.st_mode)) {
      return refuse("is not a plain file");
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
      return refuse("belongs to another user");
    }
    if ((status.st_mode & 022) != 0) {
      return refuse("others may write it (chmod 644)");
    }
    if (static_cast<std::uint64_t>(status.st_size) > kFileBytesMax) {
      return refuse("is larger than 1 MiB");
    }
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    RB_TRY_ASSIGN(const std::size_t size, read_at(file->get(), bytes.data(), bytes.size(), 0));
    bytes.resize(size);
    return parse_policy(bytes, path);
  }
  RB_TRY_ASSIGN(PolicyFile none, parse_policy("", ""));
  return none;
}

}  // namespace reachback::agent
