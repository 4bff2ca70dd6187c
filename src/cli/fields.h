// Members of the API's JSON objects, read without fuss: what is absent or of another type is empty.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/api.h"

namespace reachback::cli {

// A value: immutable, cheap to copy.
class Fields {
 public:
  // Errors: protocol (not a JSON object).
  static Result<Fields> parse(std::string_view json);

  std::string text(std::string_view name) const;  // numbers and booleans as JSON writes them
  std::vector<std::string> texts(std::string_view name) const;
  std::vector<Fields> objects(std::string_view name) const;
  Fields object(std::string_view name) const;
  std::string json() const;  // compact

 private:
  struct Node;
  explicit Fields(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

// The elements of `value`, over all pages (@odata.nextLink), at most 100,000.
Result<std::vector<Fields>> list_all(Api& api, const std::string& target);
// The elements as one compact JSON array and a newline.
std::string json_array(const std::vector<Fields>& elements);

}  // namespace reachback::cli
