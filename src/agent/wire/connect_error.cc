#include "agent/wire/connect_error.h"

namespace reachback::agent {

Error explain_connect_error(const Error& error, const std::string& server,
                            const std::string& ca_file) {
  const auto says = [&](std::string_view text) {
    return error.message.find(text) != std::string::npos;
  };
  std::string why;
  // The texts are OpenSSL's, X509_verify_cert_error_string().
  if (!says("certificate verify failed")) {
    return Error{error.code, "cannot reach " + server + ": " + error.message};
  }
  if (says("not yet valid")) {
    why = "the certificate of " + server + " is not valid yet: is this machine's clock right?";
  } else if (says("has expired")) {
    why = "the certificate of " + server +
          " has expired: is this machine's clock right? If it is, restart the server";
  } else if (says("hostname mismatch") || says("IP address mismatch")) {
    why = "the certificate of " + server +
          " is for another name: call the server by the name or address it was set up with";
  } else {
    why = "the server at " + server + " has no certificate of the CA in " + ca_file;
  }
  return Error{error.code, why + " (" + error.message + ")"};
}

}  // namespace reachback::agent
