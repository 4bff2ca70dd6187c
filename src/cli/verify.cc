// `verify`: offline, without a configuration.
#include <fcntl.h>
#include <fmt/format.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/receipts.h"
#include "cli/result_file.h"
#include "crypto/digest.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kReceiptsBytesMax = 4 << 20;
constexpr std::size_t kPieceBytes = 64 << 10;

Result<FileDigests> digest(const std::string& path) {
  RB_TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
  FileDigests out;
  crypto::Sha256Stream whole, output, errors;
  ResultFileReader reader([&](ScriptStream stream, std::string_view text) {
    (stream == ScriptStream::output ? output : errors).update(text);
    return true;
  });
  bool is_script_result = true;
  std::string piece(kPieceBytes, '\0');
  for (;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(file.get(), piece.data(), piece.size(), out.bytes));
    const std::string_view read = std::string_view(piece).substr(0, size);
    whole.update(read);
    is_script_result = is_script_result && (read.empty() || reader.feed(read).ok());
    out.bytes += size;
    if (size < piece.size()) {
      break;
    }
  }
  out.file = whole.finish();
  out.is_script_result = is_script_result && reader.finish().ok() && reader.exit_code();
  out.exit_code = reader.exit_code();
  out.output = output.finish();
  out.errors = errors.finish();
  return out;
}

}  // namespace

Result<int> verify(const VerifyOptions& options) {
  std::optional<std::string> key;
  if (!options.machine_key.empty()) {
    RB_TRY_ASSIGN(std::string text, read_file(options.machine_key, 1 << 16));
    RB_TRY_ASSIGN(key, read_public_key(text));
  }
  std::vector<ReadReceipt> all;
  std::vector<std::string> files = options.receipts;
  if (files.empty()) {
    files.push_back(options.result + ".receipts");
  }
  std::optional<Error> refused;
  for (const std::string& path : files) {
    RB_TRY_ASSIGN(std::string text, read_file(path, kReceiptsBytesMax));
    auto some = read_receipts(text, key);
    if (!some.ok()) {
      refused = some.error().in(path);
      break;
    }
    all.insert(all.end(), std::make_move_iterator(some->begin()),
               std::make_move_iterator(some->end()));
  }
  RB_TRY_ASSIGN(FileDigests file, digest(options.result));
  auto proof = refused ? Result<Proof>(*refused) : prove(all, file);
  auto chain = proof.ok() ? describe_chain(all) : Result<std::string>(proof.error());
  if (chain.ok() && !options.machine.empty() &&
      to_hex(all.front().receipt.machine()) != options.machine) {
    chain = Error{Errc::mismatch, "signed by machine " + to_hex(all.front().receipt.machine()) +
                                      ", not by " + options.machine};
  }
  if (!chain.ok()) {
    if (options.json) {
      RB_TRY(
          write_out("{\"proven\":false,\"message\":" + json::quote(chain.error().message) + "}\n"));
    }
    complain("NOT proven: " + chain.error().message);
    return 1;
  }
  const std::string line =
      fmt::format("proven: {}; {}. Not proven: {}.", proof->proven, *chain, proof->not_proven);
  RB_TRY(write_out(options.json ? "{\"proven\":true,\"message\":" + json::quote(line) + "}\n"
                                : escape_line(line) + "\n"));
  return 0;
}

}  // namespace reachback::cli
