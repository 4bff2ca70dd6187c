#include "server/blob_http/block_list_xml.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace reachback::server {
namespace {

void skip_space(std::string_view& text) {
  auto at = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(at == std::string_view::npos ? text.size() : at);
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool take_declaration(std::string_view& xml) {
  constexpr std::size_t kDeclarationBytesMax = 100;
  take(xml, "\xef\xbb\xbf");
  if (!xml.starts_with("<?xml ")) {
    return true;  // It is optional.
  }
  auto end = xml.substr(0, kDeclarationBytesMax).find("?>");
  if (end == std::string_view::npos) {
    return false;
  }
  xml.remove_prefix(end + 2);
  return true;
}

}  // namespace

Result<std::vector<std::string>> parse_block_list(std::string_view xml, std::size_t blocks_max) {
  const Error malformed{Errc::invalid_input, "the body is not a block list"};
  std::vector<std::string> ids;
  if (!take_declaration(xml)) {
    return malformed;
  }
  skip_space(xml);
  if (take(xml, "<BlockList/>") || take(xml, "<BlockList />")) {
    skip_space(xml);
    return xml.empty() ? Result<std::vector<std::string>>(std::move(ids)) : malformed;
  }
  if (!take(xml, "<BlockList>")) {
    return malformed;
  }
  while (true) {
    skip_space(xml);
    if (take(xml, "</BlockList>")) {
      break;
    }
    if (xml.starts_with("<Committed>")) {
      return Error{Errc::not_found, "blocks of a committed blob are not kept"};
    }
    std::string_view closing;
    if (take(xml, "<Latest>")) {
      closing = "</Latest>";
    } else if (take(xml, "<Uncommitted>")) {
      closing = "</Uncommitted>";
    } else {
      return malformed;
    }
    auto end = xml.find('<');
    auto id = end == std::string_view::npos ? std::nullopt : from_base64(xml.substr(0, end));
    if (!id || id->empty()) {
      return malformed;
    }
    xml.remove_prefix(end);
    if (!take(xml, closing)) {
      return malformed;
    }
    if (ids.size() == blocks_max) {
      return Error{Errc::too_large, "the block list is too long"};
    }
    ids.push_back(std::move(*id));
  }
  skip_space(xml);
  if (!xml.empty()) {
    return malformed;
  }
  return ids;
}

std::string render_block_list(const std::vector<StagedBlock>& uncommitted) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
      "<BlockList><CommittedBlocks /><UncommittedBlocks>";
  for (const StagedBlock& block : uncommitted) {
    out += fmt::format("<Block><Name>{}</Name><Size>{}</Size></Block>", to_base64(block.id),
                       block.bytes);
  }
  return out + "</UncommittedBlocks></BlockList>";
}

}  // namespace reachback::server
