#include "server/signer/signer_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "crypto/digest.h"

namespace reachback::server {
namespace {

const std::string kBeginning(64, '0');  // hash before the first line

std::string chain(std::string_view before, std::string_view text) {
  return to_hex(as_bytes(crypto::sha256(std::string(before) + " " + std::string(text))));
}

// text, then a blank and 64 hex digits.
bool split_line(std::string_view line, std::string_view& text, std::string_view& hash) {
  if (line.size() < 66 || line[line.size() - 65] != ' ') {
    return false;
  }
  text = line.substr(0, line.size() - 65);
  hash = line.substr(line.size() - 64);
  return true;
}

std::string hex_of(std::string_view bytes) {
  return to_hex(bytes);
}

}  // namespace

Result<std::unique_ptr<SignerLog>> SignerLog::open(const std::string& path) {
  RB_TRY_ASSIGN(Fd file, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0) {
    return errno_error("signer log", path);
  }
  constexpr off_t kTailBytes = 4096;  // more than two lines
  const off_t from = std::max<off_t>(0, size - kTailBytes);
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  RB_TRY_ASSIGN(std::size_t got,
                read_at(file.get(), tail.data(), tail.size(), static_cast<std::uint64_t>(from)));
  tail.resize(got);
  const std::size_t end = tail.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole < tail.size() && ::ftruncate(file.get(), from + static_cast<off_t>(whole)) != 0) {
    return errno_error("signer log", path);
  }
  if (::lseek(file.get(), 0, SEEK_END) < 0) {
    return errno_error("signer log", path);
  }
  std::unique_ptr<SignerLog> out(new SignerLog(std::move(file)));
  out->hash_ = kBeginning;
  if (whole > 0) {
    std::string_view lines = std::string_view(tail).substr(0, whole - 1);
    std::string_view last = lines.substr(lines.rfind('\n') + 1);
    std::string_view text, hash;
    if (!split_line(last, text, hash)) {
      return Error{Errc::corrupt, path + ": the last line cannot be read"};
    }
    out->hash_ = std::string(hash);
  }
  return out;
}

void SignerLog::add(const pb::Order& order, const pb::SignedOrder& signed_order, Timestamp now) {
  std::string text = format_time(now) + " " + hex_of(order.machine()) + " " +
                     hex_of(order.action()) + " " + std::to_string(order.epoch()) + " " +
                     hex_of(as_bytes(crypto::sha256(signed_order.order()))) + " " +
                     hex_of(signed_order.key_id());
  hash_ = chain(hash_, text);
  waiting_ += text + " " + hash_ + "\n";
}

Result<void> SignerLog::sync() {
  if (waiting_.empty()) {
    return {};
  }
  RB_TRY(write_all(file_.get(), waiting_));
  RB_TRY(sync_file(file_.get()));
  waiting_.clear();
  return {};
}

Result<std::uint64_t> verify_signer_log(const std::string& path) {
  RB_TRY_ASSIGN(std::string all, read_file(path, std::uint64_t{1} << 32));
  std::string before = kBeginning;
  std::uint64_t count = 0;
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view text, hash;
    ++count;
    if (end == std::string_view::npos || !split_line(rest.substr(0, end), text, hash) ||
        chain(before, text) != hash) {
      return Error{Errc::corrupt, path + ": line " + std::to_string(count) + " breaks the chain"};
    }
    before = std::string(hash);
    rest.remove_prefix(end + 1);
  }
  return count;
}

}  // namespace reachback::server
