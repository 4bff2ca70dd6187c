#include "server/wire/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "json/json.h"
#include "net/http_client.h"
#include "server/auth_jwt/keys.h"

namespace reachback::server {
namespace {

constexpr std::string_view kFormat = "reachback-data 1\n";

std::string member(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  return v != nullptr && v->is_string()
             ? std::string(v->get_string().data(), v->get_string().size())
             : std::string();
}

Result<void> refuse_used_folder(const DataPaths& paths) {
  if (!path_exists(paths.dir)) {
    return {};
  }
  std::error_code error;
  bool empty = std::filesystem::is_empty(paths.dir, error);
  if (error) {
    return Error{Errc::forbidden, paths.dir + ": " + error.message()};
  }
  if (path_exists(paths.format())) {
    return Error{Errc::already_exists,
                 paths.dir + " already holds Reachback data: serve it, or choose another folder"};
  }
  if (!empty) {
    return Error{Errc::already_exists, paths.dir +
                                           " is not empty and not a finished data folder (an init "
                                           "that was cut short?): empty it, or choose another"};
  }
  return {};
}

}  // namespace

Result<std::string> host_of_public_url(const std::string& url) {
  auto parsed = net::parse_url(url);
  if (!parsed || parsed->origin.scheme != "https" || parsed->target != "/" || url.ends_with('/')) {
    return Error{Errc::invalid_input,
                 "public URL '" + url + "' is not of the form https://host[:port]"};
  }
  return parsed->origin.host;
}

Result<DataSecrets> make_data_folder(const DataPaths& paths, std::string public_url, Random& random,
                                     Timestamp now) {
  if (!public_url.empty()) {
    RB_TRY(host_of_public_url(public_url));
  }
  RB_TRY(refuse_used_folder(paths));
  for (const std::string& folder : {paths.dir, paths.keys(), paths.dir + "/db", paths.blobs(),
                                    paths.dir + "/audit", paths.run()}) {
    RB_TRY(make_folder(folder));
  }
  DataSecrets s;
  RB_TRY_ASSIGN(s.ca, crypto::make_ca("Reachback CA " + to_hex(random.bytes(4)), now));
  s.token_key_pem = generate_signing_key();
  s.order_key_pem = crypto::Ed25519PrivateKey::generate().pem();
  s.public_url = std::move(public_url);
  s.blob_account = "rb" + to_hex(random.bytes(6));
  s.blob_key = random.bytes(32);
  s.blob_name_key = random.bytes(32);
  json::Object o;
  o["publicUrl"] = s.public_url;
  o["blobAccount"] = s.blob_account;
  o["blobKey"] = to_base64(s.blob_key);
  o["blobNameKey"] = to_base64(s.blob_name_key);
  RB_TRY(write_file_durably(paths.ca(), s.ca.certificate, 0644));
  RB_TRY(write_file_durably(paths.ca_key(), s.ca.private_key));
  RB_TRY(write_file_durably(paths.token_key(), s.token_key_pem));
  RB_TRY(write_file_durably(paths.order_key(), s.order_key_pem));
  RB_TRY(write_file_durably(paths.secrets(), json::write(o)));
  return s;
}

Result<void> finish_data_folder(const DataPaths& paths) {
  return write_file_durably(paths.format(), kFormat);
}

Result<DataSecrets> load_data_folder(const DataPaths& paths) {
  if (!path_exists(paths.dir)) {
    return Error{
        Errc::not_found,
        paths.dir + " does not exist: run 'reachback-server init --data " + paths.dir + "' first"};
  }
  auto format = read_file(paths.format(), 100);
  if (!format) {
    if (format.error().code != Errc::not_found) {
      return format.error();
    }
    return Error{
        Errc::not_found,
        paths.dir + " is not a finished data folder: run 'reachback-server init' on an empty one"};
  }
  if (*format != kFormat) {
    return Error{Errc::mismatch, paths.dir + " has format '" +
                                     format->substr(0, format->find('\n')) +
                                     "', this program reads 'reachback-data 1': use the program "
                                     "that wrote it, or a newer one"};
  }
  DataSecrets s;
  RB_TRY_ASSIGN(s.ca.certificate, read_file(paths.ca()));
  RB_TRY_ASSIGN(s.ca.private_key, read_file(paths.ca_key()));
  RB_TRY_ASSIGN(std::string text, read_file(paths.secrets()));
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return Error{Errc::corrupt, paths.secrets() + " is not readable JSON"};
  }
  const json::Object& o = value->get_object();
  s.public_url = member(o, "publicUrl");
  s.blob_account = member(o, "blobAccount");
  s.blob_key = from_base64(member(o, "blobKey")).value_or("");
  s.blob_name_key = from_base64(member(o, "blobNameKey")).value_or("");
  if (s.blob_account.empty() || s.blob_key.size() != 32 || s.blob_name_key.size() != 32) {
    return Error{Errc::corrupt, paths.secrets() + " lacks a key"};
  }
  return s;
}

Result<Fd> lock_data_folder(const DataPaths& paths) {
  RB_TRY(make_folder(paths.run()));
  RB_TRY_ASSIGN(Fd fd, open_file(paths.lock(), O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{Errc::unavailable, "another reachback-server is working on " + paths.dir};
    }
    return errno_error("lock", paths.lock());
  }
  return fd;
}

}  // namespace reachback::server
