// The subcommands. Each prints what it is asked for on standard output and returns the exit status;
// an error is for run_cli() to print.
#pragma once

#include "base/result.h"
#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/terminal.h"

namespace reachback::cli {

Result<int> machines(Api& api, const Terminal& terminal, const MachinesOptions& options);
Result<int> run(Api& api, const Terminal& terminal, const RunOptions& options);
Result<int> put(Api& api, const Terminal& terminal, const PutOptions& options);
Result<int> get(Api& api, const Terminal& terminal, const GetOptions& options);
Result<int> shell(Api& api, const Terminal& terminal, const ShellOptions& options);
Result<int> show(Api& api, const Terminal& terminal, const ShowOptions& options);
Result<int> cancel(Api& api, const Terminal& terminal, const CancelOptions& options);
Result<int> result(Api& api, const Terminal& terminal, const ResultOptions& options);
Result<int> verify(const VerifyOptions& options);
Result<int> actions(Api& api, const Terminal& terminal, const ActionsOptions& options);
Result<int> library_upload(Api& api, const Terminal& terminal, const LibraryUploadOptions& options);
Result<int> library_list(Api& api, const Terminal& terminal, const LibraryListOptions& options);
Result<int> library_delete(Api& api, const Terminal& terminal, const LibraryDeleteOptions& options);

// config: where to; what the options leave open is asked of the server.
Result<int> login(Api& api, const Terminal& terminal, const Config& config,
                  const LoginOptions& options);
Result<int> logout(Api& api, const Config& config, const LogoutOptions& options);
Result<int> whoami(Api& api, const Terminal& terminal, const WhoamiOptions& options);
Result<int> completion(const CompletionOptions& options);
// open: a conversation, made when a word needs the server.
using OpenApi = std::function<Result<std::unique_ptr<Api>>()>;
Result<int> complete_words(const OpenApi& open, const CompleteOptions& options);

// Shared by `run --file`, `put` and `library upload`: answers with the library's entry as JSON.
Result<std::string> upload_file(Api& api, const Terminal& terminal,
                                const LibraryUploadOptions& options);
// The script that `run --file` names, replacing one of its name.
Result<void> upload_script(Api& api, const Terminal& terminal, const RunOptions& options);

// The exit status for an error.
int exit_of(const Error& error);

inline constexpr int kExitSomeFailed = 1;  // of several scripts
inline constexpr int kExitOther = 125;
inline constexpr int kExitNoExitCode = 126;
inline constexpr int kExitUnreachable = 127;
inline constexpr int kExitInterrupted = 130;

}  // namespace reachback::cli
