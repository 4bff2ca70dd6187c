// Lines that somebody types: libedit, with a history in memory.
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cwchar>

#include "base/file.h"
#include "cli/progress.h"
#include "cli/shell_lines.h"

namespace reachback::cli {
namespace {

constexpr int kHistoryMax = 1000;
constexpr std::size_t kChoicesMax = 200;
constexpr char kCtrlD = 4;

// Text is UTF-8 here as everywhere, whatever the environment says.
void speak_utf8() {
  if (std::setlocale(LC_CTYPE, "") == nullptr ||
      std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

class TypedLines final : public LineReader {
 public:
  TypedLines(ShouldStop should_stop, Completer completer)
      : should_stop_(std::move(should_stop)), completer_(std::move(completer)) {}
  TypedLines(const TypedLines&) = delete;
  TypedLines& operator=(const TypedLines&) = delete;
  ~TypedLines() override {
    if (editor_ != nullptr) {
      ::el_end(editor_);
    }
    if (history_ != nullptr) {
      ::history_end(history_);
    }
    if (screen_ != nullptr) {
      std::fclose(screen_);
    }
  }

  // Prompt and echo go to standard error: standard output has the answers and nothing else.
  Result<void> begin() {
    speak_utf8();
    Fd screen(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    screen_ = screen.valid() ? ::fdopen(screen.get(), "w") : nullptr;
    if (screen_ == nullptr) {
      return errno_error("open", "the terminal");
    }
    (void)screen.release();
    editor_ = ::el_init("reachback", stdin, screen_, screen_);
    history_ = ::history_init();
    if (editor_ == nullptr || history_ == nullptr) {
      return Error{Errc::io, "this terminal cannot be edited on: give lines on standard input"};
    }
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kHistoryMax);
    ::history(history_, &event, H_SETUNIQUE, 1);
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_PROMPT, show_prompt);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_set(editor_, EL_GETCFN, read_character);
    // Ctrl-C and Ctrl-Z come as characters while a line is typed.
    ::el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
    ::el_set(editor_, EL_ADDFN, "reachback-complete", "Complete a word", complete);
    ::el_set(editor_, EL_ADDFN, "reachback-clear", "Clear the line", clear);
    ::el_set(editor_, EL_ADDFN, "reachback-suspend", "Stop until fg", suspend);
    ::el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    ::el_source(editor_, nullptr);  // the user's ~/.editrc
    ::el_set(editor_, EL_BIND, "^I", "reachback-complete", nullptr);
    ::el_set(editor_, EL_BIND, "^C", "reachback-clear", nullptr);
    ::el_set(editor_, EL_BIND, "^Z", "reachback-suspend", nullptr);
    return {};
  }

  Result<std::optional<std::string>> next(const std::string& prompt) override {
    prompt_ = prompt;
    is_stopped_ = false;
    window_ = window_of(STDERR_FILENO);
    ::el_resize(editor_);
    int count = 0;
    const char* line = ::el_gets(editor_, &count);
    if (is_stopped_) {
      return Error{Errc::timed_out, "interrupted"};
    }
    if (line == nullptr || count <= 0) {
      std::fputs("\n", screen_);
      std::fflush(screen_);
      return std::optional<std::string>();
    }
    std::string out(line);
    if (out.find_first_not_of(" \t\n") != std::string::npos) {
      HistEvent event;
      ::history(history_, &event, H_ENTER, line);
    }
    while (!out.empty() && out.back() == '\n') {
      out.pop_back();
    }
    if (out.size() > kLineBytesMax) {
      return Error{Errc::too_large, "a line has over 64 KiB"};
    }
    return std::optional(std::move(out));
  }

 private:
  static TypedLines& of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<TypedLines*>(self);
  }
  static char* show_prompt(EditLine* editor) { return of(editor).prompt_.data(); }

  static int read_character(EditLine* editor, wchar_t* out) {
    TypedLines& self = of(editor);
    const ShouldStop stop_or_resize = [&self, editor] {
      const Window now = window_of(STDERR_FILENO);
      if (now.columns != self.window_.columns || now.rows != self.window_.rows) {
        self.window_ = now;
        ::el_resize(editor);
      }
      return self.should_stop_();
    };
    std::mbstate_t state{};
    for (;;) {
      if (!wait_for_input(STDIN_FILENO, stop_or_resize)) {
        self.is_stopped_ = true;
        return 0;
      }
      char byte = 0;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n <= 0) {
        return static_cast<int>(n);
      }
      if (byte == '\0') {
        byte = kCtrlD;  // typed while the terminal still gathered lines: the kernel leaves this
      }
      const std::size_t used = std::mbrtowc(out, &byte, 1, &state);
      if (used <= 1) {
        return 1;
      }
      if (used == static_cast<std::size_t>(-1)) {
        state = std::mbstate_t{};  // what is no UTF-8 cannot be typed
      }
    }
  }

  static unsigned char complete(EditLine* editor, int) {
    TypedLines& self = of(editor);
    const LineInfo* line = ::el_line(editor);
    const Completion found = self.completer_(
        std::string(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)));
    if (!found.insert.empty()) {
      ::el_insertstr(editor, found.insert.c_str());
      return CC_REFRESH;
    }
    if (found.choices.empty()) {
      return CC_REFRESH_BEEP;
    }
    std::string shown = "\n";
    for (std::size_t i = 0; i < found.choices.size() && i < kChoicesMax; ++i) {
      shown += (i == 0 ? "" : "  ") + escape_line(found.choices[i]);
    }
    std::fputs((shown + "\n").c_str(), self.screen_);
    std::fflush(self.screen_);
    return CC_REDISPLAY;
  }

  static unsigned char clear(EditLine* editor, int) {
    TypedLines& self = of(editor);
    const LineInfo* line = ::el_line(editor);
    ::el_cursor(editor, static_cast<int>(line->lastchar - line->cursor));
    line = ::el_line(editor);
    ::el_deletestr(editor, static_cast<int>(line->lastchar - line->buffer));
    std::fputs("^C\n", self.screen_);
    std::fflush(self.screen_);
    return CC_REDISPLAY;
  }

  static unsigned char suspend(EditLine* editor, int) {
    ::el_set(editor, EL_PREP_TERM, 0);
    ::raise(SIGTSTP);
    ::el_set(editor, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
  }

  const ShouldStop should_stop_;
  const Completer completer_;
  FILE* screen_ = nullptr;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  Window window_;
  bool is_stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<LineReader>> typed_lines(ShouldStop should_stop, Completer completer) {
  auto out = std::make_unique<TypedLines>(std::move(should_stop), std::move(completer));
  RB_TRY(out->begin());
  return std::unique_ptr<LineReader>(std::move(out));
}

}  // namespace reachback::cli
