#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace reachback::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::size_t kBarColumnsMax = 30;

void write_err(std::string_view text) {
  ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
  (void)ignored;  // There is nowhere left to say it.
}

// Of escaped text: cut after so many characters.
std::string cut(const std::string& escaped, std::size_t columns_max) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(escaped[i]) & 0xc0) != 0x80;
    if (begins && count++ == columns_max) {
      return escaped.substr(0, i);
    }
  }
  return escaped;
}

}  // namespace

std::string byte_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string bar_line(const std::string& name, std::uint64_t bytes,
                     std::optional<std::uint64_t> total, double seconds, std::size_t columns_max) {
  const auto count = static_cast<double>(bytes);
  const std::string rate = seconds >= 0.1 ? byte_text(count / seconds) + "/s" : "";
  std::string out = escape_line(name);
  if (!total || *total == 0 || bytes > *total) {
    return cut(out + fmt::format("  {}  {}", byte_text(count), rate), columns_max);
  }
  const double share = count / static_cast<double>(*total);
  out += fmt::format("  {:>3}%  {} of {}  {}", static_cast<int>(share * 100), byte_text(count),
                     byte_text(static_cast<double>(*total)), rate);
  const std::size_t used = columns(out) + 4;
  if (used + 5 <= columns_max) {
    const std::size_t width = std::min(columns_max - used, kBarColumnsMax);
    const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
    out += "  [" + std::string(full, '#') + std::string(width - full, '-') + "]";
  }
  return cut(out, columns_max);
}

std::vector<std::string> board_lines(const std::vector<BoardLine>& machines,
                                     std::size_t columns_max, std::size_t rows,
                                     const Terminal& terminal) {
  std::vector<const BoardLine*> order;
  std::size_t over = 0, good = 0, name_columns = 0;
  for (const BoardLine& machine : machines) {
    order.push_back(&machine);
    over += machine.is_over ? 1 : 0;
    good += machine.is_over && machine.is_good ? 1 : 0;
    name_columns = std::max(name_columns, columns(escape_line(machine.name)));
  }
  name_columns = std::min<std::size_t>(name_columns, 40);
  const std::size_t room = rows > 2 ? rows - 2 : 1;
  if (order.size() > room) {
    // What is under way, with a word about it, is what people want to see.
    auto rank = [](const BoardLine* m) { return m->is_over ? 1 : m->text.empty() ? 2 : 0; };
    std::vector<const BoardLine*> by_rank;
    for (const int wanted : {0, 1, 2}) {
      std::copy_if(order.begin(), order.end(), std::back_inserter(by_rank),
                   [&rank, wanted](const BoardLine* m) { return rank(m) == wanted; });
    }
    order = std::move(by_rank);
    order.resize(room);
  }
  std::vector<std::string> out;
  for (const BoardLine* machine : order) {
    const std::string name = cut(escape_line(machine->name), name_columns);
    const std::string text =
        cut(escape_line(machine->text),
            columns_max > name_columns + 2 ? columns_max - name_columns - 2 : 0);
    const Colour colour = !machine->is_over  ? Colour::none
                          : machine->is_good ? Colour::green
                                             : Colour::red;
    out.push_back(name + std::string(name_columns - columns(name) + 2, ' ') +
                  terminal.paint_error(colour, text));
  }
  out.push_back(cut(fmt::format("{} of {} ended, {} not well", over, machines.size(), over - good),
                    columns_max));
  return out;
}

Window window_of(int fd) {
  struct winsize size{};
  Window out;
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    out = {size.ws_col, size.ws_row};
  }
  return out;
}

Meter::Meter(const Terminal& terminal, std::string name)
    : is_shown_(terminal.err_is_terminal), name_(std::move(name)) {}

Meter::~Meter() {
  if (has_drawn_) {
    write_err("\r\x1b[K");
  }
}

void Meter::show(std::uint64_t bytes, std::optional<std::uint64_t> total) {
  const auto now = Clock::now();
  if (!is_shown_ || (has_drawn_ && now - drawn_ < kRedraw)) {
    return;
  }
  drawn_ = now;
  has_drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::size_t columns_max = window_of(STDERR_FILENO).columns;
  write_err("\r" + bar_line(name_, bytes, total, seconds, columns_max - 1) + "\x1b[K");
}

Board::Board(const Terminal& terminal, std::vector<std::string> names) : terminal_(terminal) {
  for (std::string& name : names) {
    lines_.push_back({std::move(name), "", false, false});
  }
}

void Board::set(std::size_t machine, std::string text) {
  MutexLock lock(mutex_);
  lines_[machine].text = std::move(text);
  draw();
}

void Board::end(std::size_t machine, std::string text, bool is_good) {
  MutexLock lock(mutex_);
  BoardLine& line = lines_[machine];
  line.text = std::move(text);
  line.is_over = true;
  line.is_good = is_good;
  if (terminal_.err_is_terminal) {
    draw();
  } else {
    complain(line.name + ": " + line.text);
  }
}

void Board::clear() {
  MutexLock lock(mutex_);
  erase();
}

void Board::erase() {
  if (drawn_ > 0) {
    write_err(fmt::format("\x1b[{}A\r\x1b[J", drawn_));
    drawn_ = 0;
  }
}

void Board::draw() {
  if (!terminal_.err_is_terminal) {
    return;
  }
  const Window window = window_of(STDERR_FILENO);
  erase();
  std::string out;
  const std::vector<std::string> shown =
      board_lines(lines_, window.columns - 1, window.rows, terminal_);
  for (const std::string& line : shown) {
    out += line + "\n";
  }
  write_err(out);
  drawn_ = shown.size();
}

}  // namespace reachback::cli
