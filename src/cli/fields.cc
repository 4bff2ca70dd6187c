#include "cli/fields.h"

#include <iterator>

#include "json/json.h"
#include "net/http_client.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kElementsMax = 100'000;

Error strange() {
  return Error{Errc::protocol,
               "the answer is not what this API gives: see that REACHBACK_URL is a Reachback "
               "server"};
}

}  // namespace

struct Fields::Node {
  json::Object object;
};

Result<Fields> Fields::parse(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return strange();
  }
  return Fields(std::make_shared<const Node>(Node{std::move(value->get_object())}));
}

std::string Fields::text(std::string_view name) const {
  const json::Value* value = node_->object.if_contains(name);
  if (value == nullptr || value->is_null()) {
    return {};
  }
  return value->is_string() ? std::string(value->get_string()) : json::write(*value);
}

std::vector<std::string> Fields::texts(std::string_view name) const {
  std::vector<std::string> out;
  const json::Value* value = node_->object.if_contains(name);
  if (value != nullptr && value->is_array()) {
    for (const json::Value& element : value->get_array()) {
      if (element.is_string()) {
        out.emplace_back(element.get_string());
      }
    }
  }
  return out;
}

std::vector<Fields> Fields::objects(std::string_view name) const {
  std::vector<Fields> out;
  const json::Value* value = node_->object.if_contains(name);
  if (value != nullptr && value->is_array()) {
    for (const json::Value& element : value->get_array()) {
      if (element.is_object()) {
        out.push_back(Fields(std::make_shared<const Node>(Node{element.get_object()})));
      }
    }
  }
  return out;
}

Fields Fields::object(std::string_view name) const {
  const json::Value* value = node_->object.if_contains(name);
  return Fields(std::make_shared<const Node>(
      Node{value != nullptr && value->is_object() ? value->get_object() : json::Object()}));
}

std::string Fields::json() const {
  return json::write(node_->object);
}

Result<std::vector<Fields>> list_all(Api& api, const std::string& target) {
  std::vector<Fields> out;
  for (std::string next = target; !next.empty();) {
    RB_TRY_ASSIGN(std::string body, api.get(next));
    RB_TRY_ASSIGN(Fields page, Fields::parse(body));
    std::vector<Fields> elements = page.objects("value");
    std::move(elements.begin(), elements.end(), std::back_inserter(out));
    std::string link = page.text("@odata.nextLink");
    if (link.empty() || elements.empty()) {
      break;
    }
    if (out.size() > kElementsMax) {
      return Error{Errc::too_large, "the list has over 100,000 elements: ask for fewer"};
    }
    // Only its path counts: the token goes to no other host.
    RB_TRY_ASSIGN(net::Url url, net::parse_url(link));
    next = url.target;
  }
  return out;
}

std::string json_array(const std::vector<Fields>& elements) {
  std::string out = "[";
  for (const Fields& element : elements) {
    out += (out.size() > 1 ? "," : "") + element.json();
  }
  return out + "]\n";
}

}  // namespace reachback::cli
