#include "server/wire/token_keyring.h"

#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "json/json.h"
#include "server/auth_jwt/issuer.h"

namespace reachback::server {
namespace {

constexpr const char* kList = "token-keys.json";
constexpr const char* kFirstKey = "token-signing.pem";
constexpr std::size_t kIdBytes = 8;
constexpr std::uint64_t kFileBytesMax = 1 << 16;

Error corrupt(const std::string& folder, const std::string& what) {
  return Error{Errc::corrupt, folder + "/" + kList + ": " + what};
}

struct Entry {
  std::string file;
  std::optional<Timestamp> since, until;
};

// False: the member is there and is not a time.
bool read_time(const json::Object& entry, std::string_view name, std::optional<Timestamp>& out) {
  const json::Value* value = entry.if_contains(name);
  if (value != nullptr && value->is_string()) {
    out = parse_time(std::string_view(value->get_string()));
  }
  return value == nullptr || out.has_value();
}

Result<std::vector<Entry>> read_list(const std::string& folder) {
  auto text = read_file(folder + "/" + kList, kFileBytesMax);
  if (!text && text.error().code == Errc::not_found) {
    return std::vector<Entry>{Entry{kFirstKey, {}, {}}};
  }
  if (!text) {
    return text.error();
  }
  auto value = json::parse(*text);
  const auto* object = value.ok() ? value->if_object() : nullptr;
  const auto* keys = object != nullptr ? object->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array() || keys->get_array().empty() ||
      keys->get_array().size() > kTokenKeysMax) {
    return corrupt(folder, "not a list of 1 to 8 keys");
  }
  std::vector<Entry> out;
  for (const json::Value& element : keys->get_array()) {
    const auto* entry = element.if_object();
    const auto* file = entry != nullptr ? entry->if_contains("file") : nullptr;
    if (file == nullptr || !file->is_string()) {
      return corrupt(folder, "an entry names no file");
    }
    Entry read{std::string(file->get_string()), {}, {}};
    const bool last = &element == &keys->get_array().back();
    if (read.file.empty() || read.file.find('/') != std::string::npos ||
        !read_time(*entry, "since", read.since) || !read_time(*entry, "until", read.until) ||
        read.until.has_value() == last) {
      return corrupt(folder, "the entry of '" + read.file + "' cannot be read");
    }
    out.push_back(std::move(read));
  }
  return out;
}

TokenKeyInfo info_of(const SigningKey& key) {
  TokenKeyInfo out;
  out.kid = key.kid();
  out.id = to_hex(from_base64url(out.kid).value_or("").substr(0, kIdBytes));
  out.algorithm = key.algorithm();
  return out;
}

}  // namespace

Result<std::unique_ptr<TokenKeyring>> TokenKeyring::open(const std::string& folder) {
  RB_TRY_ASSIGN(std::vector<Entry> entries, read_list(folder));
  Keys keys;
  for (Entry& entry : entries) {
    const std::string path = folder + "/" + entry.file;
    RB_TRY_ASSIGN(std::string pem, read_file(path, kFileBytesMax));
    auto key = SigningKey::from_pem(pem);
    if (!key) {
      return key.error().in(path);
    }
    TokenKeyInfo info = info_of(*key);
    info.since = entry.since;
    info.until = entry.until;
    keys.push_back(Key{std::move(entry.file), std::move(*key), std::move(info)});
  }
  return std::unique_ptr<TokenKeyring>(new TokenKeyring(folder, std::move(keys)));
}

TokenKeyring::TokenKeyring(std::string folder, Keys loaded)
    : folder_(std::move(folder)), keys_(std::make_shared<const Keys>(std::move(loaded))) {}

std::shared_ptr<const TokenKeyring::Keys> TokenKeyring::current() const {
  MutexLock lock(mutex_);
  return keys_;
}

std::vector<TokenKeyInfo> TokenKeyring::keys() const {
  std::vector<TokenKeyInfo> out;
  for (const Key& key : *current()) {
    out.push_back(key.info);
  }
  return out;
}

std::vector<SigningKey> TokenKeyring::signing_keys() const {
  auto now = current();
  std::vector<SigningKey> out;
  for (auto key = now->rbegin(); key != now->rend(); ++key) {
    out.push_back(key->key);
  }
  return out;
}

Result<void> TokenKeyring::save(Keys next) {
  json::Array list;
  for (const Key& key : next) {
    json::Object entry{{"file", key.file}};
    if (key.info.since) {
      entry["since"] = format_time(*key.info.since);
    }
    if (key.info.until) {
      entry["until"] = format_time(*key.info.until);
    }
    list.push_back(std::move(entry));
  }
  const std::string text = json::write(json::Object{{"keys", std::move(list)}}) + "\n";
  RB_TRY(write_file_durably(folder_ + "/" + kList, text));
  MutexLock lock(mutex_);
  keys_ = std::make_shared<const Keys>(std::move(next));
  return {};
}

Result<std::string> TokenKeyring::add(Algorithm algorithm, Timestamp now) {
  MutexLock one(changing_);
  Keys next = *current();
  if (next.size() >= kTokenKeysMax) {
    return Error{Errc::conflict, "there are 8 token keys already: retire one first"};
  }
  const std::string pem = generate_signing_key(algorithm);
  RB_TRY_ASSIGN(SigningKey key, SigningKey::from_pem(pem));
  TokenKeyInfo info = info_of(key);
  info.since = now;
  const std::string id = info.id, file = "token-" + id + ".pem";
  RB_TRY(write_file_durably(folder_ + "/" + file, pem));
  next.back().info.until = now;
  next.push_back(Key{file, std::move(key), std::move(info)});
  RB_TRY(save(std::move(next)));
  return id;
}

Result<void> TokenKeyring::retire(const std::string& id, Timestamp now, bool force) {
  MutexLock one(changing_);
  Keys next = *current();
  auto gone =
      std::find_if(next.begin(), next.end(), [&id](const Key& key) { return key.info.id == id; });
  if (gone == next.end()) {
    return Error{Errc::not_found, "no token key has the id '" + id + "'"};
  }
  if (!gone->info.until) {
    return Error{Errc::conflict, "the token key " + id + " signs: add another first"};
  }
  const Timestamp last_token_ends = *gone->info.until + std::chrono::seconds(kTokenLifetime_s);
  if (now < last_token_ends && !force) {
    return Error{Errc::conflict, "tokens that the key " + id + " signed may be around until " +
                                     format_time(last_token_ends) +
                                     ": wait, or use --force to end them"};
  }
  const std::string file = folder_ + "/" + gone->file;
  next.erase(gone);
  RB_TRY(save(std::move(next)));
  if (::unlink(file.c_str()) != 0) {
    log_warning("the file of a retired token key is still there", {field("file", file)});
  }
  return {};
}

}  // namespace reachback::server
