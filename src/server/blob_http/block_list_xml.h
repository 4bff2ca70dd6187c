// The two block list documents of the Blob service. Pure. Source: Azure Put Block List, Get Block
// List.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/blob_fs/blob_folder.h"

namespace reachback::server {

// The raw ids in order. Strict: an XML declaration, <BlockList>, <Latest> or <Uncommitted> elements
// with canonical base64, white space between them, and nothing else. Errors: invalid_input (not
// that document), not_found (<Committed>: blocks of a committed blob are not kept), too_large (more
// than blocks_max).
Result<std::vector<std::string>> parse_block_list(std::string_view xml, std::size_t blocks_max);

std::string render_block_list(const std::vector<StagedBlock>& uncommitted);

}  // namespace reachback::server
