#include "cli/login_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/config.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;
constexpr std::size_t kLoginsMax = 32;

std::string text(const json::Object& object, const char* name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool same_place(const Login& a, const Login& b) {
  return a.url == b.url && a.tenant == b.tenant && a.client_id == b.client_id;
}

Error damaged(const std::string& path) {
  return Error{Errc::corrupt, path + " is damaged: delete it and sign in again (reachback login)"};
}

Result<void> write_logins(const std::string& path, const std::vector<Login>& logins) {
  json::Array list;
  for (const Login& login : logins) {
    if (list.size() == kLoginsMax) {
      break;
    }
    list.push_back(json::Object{{"url", login.url},
                                {"tenant", login.tenant},
                                {"client_id", login.client_id},
                                {"ca", login.ca},
                                {"user", login.user},
                                {"access_token", login.access.reveal()},
                                {"access_until", login.access_until_s},
                                {"refresh_token", login.refresh.reveal()}});
  }
  return write_file_durably(
      path, json::write(json::Object{{"format", 1}, {"logins", std::move(list)}}) + "\n", 0600);
}

void take_out(std::vector<Login>& logins, const Login& login) {
  std::erase_if(logins, [&login](const Login& l) { return same_place(l, login); });
}

}  // namespace

Result<std::vector<Login>> read_logins(const std::string& path) {
  std::vector<Login> out;
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    if (file.error().code == Errc::not_found) {
      return out;
    }
    return Error{file.error().code, file.error().message + ": delete it and sign in again"};
  }
  struct stat info{};
  if (::fstat(file->get(), &info) != 0) {
    return errno_error("stat", path);
  }
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return Error{Errc::forbidden,
                 path +
                     " holds tokens and is not for your eyes alone: chmod 600 it, or delete it "
                     "and sign in again"};
  }
  std::string bytes(kBytesMax + 1, '\0');
  RB_TRY_ASSIGN(const std::size_t size, read_at(file->get(), bytes.data(), bytes.size(), 0));
  bytes.resize(size);
  auto parsed = size > kBytesMax ? Result<json::Value>(damaged(path)) : json::parse(bytes);
  const json::Value* list =
      parsed && parsed->is_object() ? parsed->get_object().if_contains("logins") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return damaged(path);
  }
  for (const json::Value& element : list->get_array()) {
    if (!element.is_object()) {
      return damaged(path);
    }
    const json::Object& object = element.get_object();
    Login login{text(object, "url"),
                text(object, "tenant"),
                text(object, "client_id"),
                text(object, "ca"),
                text(object, "user"),
                Secret(text(object, "access_token")),
                Secret(text(object, "refresh_token"))};
    const json::Value* until = object.if_contains("access_until");
    login.access_until_s = until != nullptr && until->is_int64() ? until->get_int64() : 0;
    out.push_back(std::move(login));
  }
  return out;
}

const Login* find_login(const std::vector<Login>& logins, const Config& config) {
  auto fits = [](const std::string& wanted, const std::string& has) {
    return wanted.empty() || wanted == has;
  };
  for (const Login& login : logins) {
    if (fits(config.url, login.url) && fits(config.tenant, login.tenant) &&
        fits(config.client_id, login.client_id)) {
      return &login;
    }
  }
  return nullptr;
}

Result<void> keep_login(const std::string& path, const Login& login) {
  RB_TRY_ASSIGN(std::vector<Login> logins, read_logins(path));
  take_out(logins, login);
  logins.insert(logins.begin(), login);
  return write_logins(path, logins);
}

Result<void> renew_login(const std::string& path, const Login& login) {
  RB_TRY_ASSIGN(std::vector<Login> logins, read_logins(path));
  for (Login& l : logins) {
    if (same_place(l, login)) {
      l = login;
    }
  }
  return write_logins(path, logins);
}

Result<void> forget_login(const std::string& path, const Login& login) {
  RB_TRY_ASSIGN(std::vector<Login> logins, read_logins(path));
  take_out(logins, login);
  return write_logins(path, logins);
}

Result<Fd> lock_logins(const std::string& path) {
  RB_TRY(make_folder(path.substr(0, path.rfind('/'))));
  RB_TRY_ASSIGN(Fd lock, open_file(path + ".lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return errno_error("lock", path + ".lock");
    }
  }
  return lock;
}

}  // namespace reachback::cli
