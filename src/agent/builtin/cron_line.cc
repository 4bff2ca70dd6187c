#include "agent/builtin/cron_line.h"

#include <vector>

#include "agent/builtin/text.h"

namespace reachback::agent::builtin {
namespace {

// The first words of a line as text, the rest of it behind them.
struct Split {
  std::vector<std::string> words;
  std::string rest;
};
std::optional<Split> split(std::string_view line, std::size_t count) {
  Split out;
  std::string_view rest = trimmed(line);
  for (std::size_t i = 0; i < count; ++i) {
    const auto end = rest.find_first_of(" \t");
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    out.words.emplace_back(rest.substr(0, end));
    rest = trimmed(rest.substr(end));
  }
  out.rest = rest;
  return out;
}

// "NAME = value": a job's first field has no equals sign.
bool sets_variable(std::string_view line) {
  const auto equals = line.find('=');
  const auto name = trimmed(line.substr(0, equals));
  return equals != std::string_view::npos &&
         (name.find_first_of(" \t") == std::string_view::npos || name.starts_with('"') ||
          name.starts_with('\'')) &&
         !name.starts_with('@') && !name.starts_with('*');
}

}  // namespace

bool may_be_cron_job(std::string_view line) {
  return !line.empty() && !line.starts_with('#') && !sets_variable(line);
}

std::optional<CronLine> read_crontab_line(std::string_view line, const std::string& user) {
  constexpr std::size_t kFields = 5;
  const std::size_t schedule_words = line.starts_with('@') ? 1 : kFields;
  auto parts = split(line, schedule_words + (user.empty() ? 1 : 0));
  if (!parts) {
    return std::nullopt;
  }
  CronLine out{parts->words[0], user.empty() ? parts->words.back() : user, std::move(parts->rest)};
  for (std::size_t i = 1; i < schedule_words; ++i) {
    out.schedule += " " + parts->words[i];
  }
  return out;
}

std::optional<CronLine> read_anacrontab_line(std::string_view line) {
  constexpr std::size_t kFields = 3;  // period, delay, the job's name
  auto parts = split(line, kFields);
  if (!parts) {
    return std::nullopt;
  }
  const auto& words = parts->words;
  const std::string period = number_of(words[0]) ? "every " + words[0] + " days" : words[0];
  return CronLine{period + ", after " + words[1] + " minutes", "root", std::move(parts->rest)};
}

}  // namespace reachback::agent::builtin
