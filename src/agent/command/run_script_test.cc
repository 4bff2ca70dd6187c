#include "agent/command/run_script.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/ports/memory_file.h"
#include "base/file.h"

namespace reachback::agent {
namespace {

std::string fake_find(const std::string& name) {
  return name == "pwsh" ? "" : "/found/" + name;
}

TEST(Interpreter, IsWhatTheFirstLineNamesOrTheExtension) {
  struct Row {
    std::string_view bytes;
    std::string_view name;
    std::vector<std::string> words;
    bool is_shell;
  };
  const Row rows[] = {
      {"#!/bin/sh\necho", "a.sh", {"/bin/sh"}, true},
      {"#!/bin/sh\r\necho\r\n", "a.sh", {"/bin/sh"}, true},
      {"#! /bin/sh  -e  \n", "a", {"/bin/sh", "-e"}, true},
      {"#!/bin/bash -e -u\n", "a", {"/bin/bash", "-e -u"}, true},  // one argument, as the kernel
      {"#!/usr/bin/env python3\r\n", "a.sh", {"/usr/bin/env", "python3"}, false},
      {"#!/usr/bin/env bash", "a", {"/usr/bin/env", "bash"}, true},
      {"#!/usr/bin/env -S bash -e\n", "a", {"/usr/bin/env", "-S bash -e"}, true},
      {"#!/usr/bin/perl -w\n", "a.py", {"/usr/bin/perl", "-w"}, false},
      {"\xef\xbb\xbf#!/bin/sh\n", "a", {"/bin/sh"}, true},
      {"echo", "a.sh", {"/found/bash"}, true},
      {"print()", "a.py", {"/found/python3"}, false},
      {"print()", "A.PY", {"/found/python3"}, false},
      {"print", "a.pl", {"/found/perl"}, false},
      {"echo", "a", {"/found/bash"}, true},
      {"echo", "a.txt", {"/found/bash"}, true},
      {"", "a.b.sh", {"/found/bash"}, true},
      {" #!/bin/sh\n", "a.py", {"/found/python3"}, false},
  };
  for (const Row& row : rows) {
    auto found = choose_interpreter(row.bytes, row.name, fake_find);
    ASSERT_TRUE(found.ok()) << row.bytes << found.error().message;
    EXPECT_EQ(found->words, row.words) << row.bytes;
    EXPECT_EQ(found->is_shell, row.is_shell) << row.bytes;
  }
}

TEST(Interpreter, ThatIsNotThereIsNamed) {
  for (auto [bytes, name] : {std::pair{"#!/nowhere/zsh\n", "a.sh"}, std::pair{"x", "a.ps1"},
                             std::pair{"#!zsh\n", "a.sh"}, std::pair{"#!\n", "a.sh"}}) {
    auto found = choose_interpreter(bytes, name, fake_find);
    ASSERT_FALSE(found.ok()) << bytes;
    EXPECT_TRUE(found.error().message.starts_with("InterpreterNotFound: "))
        << found.error().message;
  }
}

pb::Command command(const std::string& name, const std::string& args = "") {
  pb::Command out;
  out.set_type(pb::RUN_SCRIPT);
  out.set_file_name(name);
  out.set_args(args);
  out.set_has_args(!args.empty());
  out.set_output_bytes_max(77);
  return out;
}

std::string content(int fd) {
  std::string out(1 << 20, '\0');
  out.resize(read_at(fd, out.data(), out.size(), 0).value());
  return out;
}

TEST(PrepareScript, MakesArgvAndEnvironment) {
  auto prepared = prepare_script(command("a.sh", "-c '; rm -rf /' \"$(id)\" $HOME \"\" --"),
                                 *sealed_memory_file("echo\n"), "/tmp", ActionId(), 3);
  ASSERT_TRUE(prepared.ok()) << prepared.error().message;
  const ProcessSpec& spec = prepared->spec;
  EXPECT_EQ(spec.arguments, (std::vector<std::string>{find_program("bash"), "/proc/self/fd/3", "-c",
                                                      "; rm -rf /", "$(id)", "$HOME", "", "--"}));
  EXPECT_EQ(spec.environment,
            (std::vector<std::string>{"PATH=" + std::string(kScriptPath), "LC_CTYPE=C.UTF-8",
                                      std::string("HOME=") + (::geteuid() == 0 ? "/root" : "/tmp"),
                                      "REACHBACK_ACTION=00000000-0000-0000-0000-000000000000",
                                      "REACHBACK_INDEX=3"}));
  EXPECT_EQ(spec.folder, "/tmp");
  EXPECT_EQ(spec.output_bytes_max, 77u);
  EXPECT_EQ(content(spec.script_fd), "echo\n");
  EXPECT_LT(::pwrite(spec.script_fd, "x", 1, 0), 0);
}

TEST(PrepareScript, AShellScriptWithCarriageReturnsBecomesUnixText) {
  auto shell = prepare_script(command("a.sh"),
                              *sealed_memory_file("\xef\xbb\xbf#!/bin/sh\r\necho a\rb\r\n\r"),
                              "/tmp", ActionId(), 0);
  ASSERT_TRUE(shell.ok());
  EXPECT_EQ(content(shell->spec.script_fd), "#!/bin/sh\necho a\rb\n\r");
  auto python =
      prepare_script(command("a.py"), *sealed_memory_file("print(1)\r\n"), "/tmp", ActionId(), 0);
  ASSERT_TRUE(python.ok());
  EXPECT_EQ(content(python->spec.script_fd), "print(1)\r\n");
}

TEST(PrepareScript, ACarriageReturnAtTheEdgeOfAPieceIsSeen) {
  std::string text(65535, 'x');
  text += "\r\ny";
  auto shell = prepare_script(command("a.sh"), *sealed_memory_file(text), "/tmp", ActionId(), 0);
  ASSERT_TRUE(shell.ok());
  EXPECT_EQ(content(shell->spec.script_fd), std::string(65535, 'x') + "\ny");
}

TEST(PrepareScript, UnbalancedQuotesDoNotRun) {
  auto prepared =
      prepare_script(command("a.sh", "'a"), *sealed_memory_file("echo"), "/tmp", ActionId(), 0);
  ASSERT_FALSE(prepared.ok());
  EXPECT_TRUE(prepared.error().message.starts_with("InvalidArgs: "));
}

TEST(MemoryFile, OneThatCannotBeSealedIsRefused) {
  Fd file = std::move(*open_file("/proc/self/exe", O_RDONLY));
  auto sealed = seal_memory_file(file.get());
  ASSERT_FALSE(sealed.ok());
  EXPECT_EQ(sealed.error().code, Errc::forbidden);
  Fd memory = std::move(*make_memory_file());
  EXPECT_TRUE(seal_memory_file(memory.get()).ok());
  EXPECT_TRUE(seal_memory_file(memory.get()).ok());
}

}  // namespace
}  // namespace reachback::agent
