// The small readers of the blob service: block lists, Range, ETag lists, Content-Disposition.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "net/etag.h"
#include "protocol/attachment.h"
#include "server/blob_fs/blob_record.h"
#include "server/blob_http/block_list_xml.h"
#include "server/blob_http/byte_range.h"
#include "server/blob_http/disposition.h"

namespace reachback::fuzz {
namespace {

using namespace server;

void check_block_list(std::string_view xml) {
  constexpr std::size_t kBlocksMax = 5;
  auto ids = parse_block_list(xml, kBlocksMax);
  if (!ids) {
    FUZZ_CHECK(ids.error().code == Errc::invalid_input || ids.error().code == Errc::not_found ||
               ids.error().code == Errc::too_large);
    return;
  }
  FUZZ_CHECK(ids->size() <= kBlocksMax);
  std::string again = "<BlockList>";
  std::vector<StagedBlock> staged;
  for (const std::string& id : *ids) {
    FUZZ_CHECK(!id.empty());
    FUZZ_CHECK(xml.find(">" + to_base64(id) + "<") != std::string_view::npos);
    again += "<Latest>" + to_base64(id) + "</Latest>";
    staged.push_back({id, id.size()});
  }
  auto second = parse_block_list(again + "</BlockList>", kBlocksMax);
  FUZZ_CHECK(second && *second == *ids);
  FUZZ_CHECK(!parse_block_list(std::string(xml) + "x", kBlocksMax));
  FUZZ_CHECK(!parse_block_list(xml.substr(0, xml.rfind('>')), kBlocksMax));
  FUZZ_CHECK(ids->empty() || !parse_block_list(xml, ids->size() - 1));
  std::string listed = render_block_list(staged);
  for (const std::string& id : *ids) {
    FUZZ_CHECK(listed.find("<Name>" + to_base64(id) + "</Name>") != std::string::npos);
  }
}

// A byte for the size of the blob, then the header.
void check_range(Input in) {
  std::uint64_t size = in.byte();
  size = size > 200 ? ~std::uint64_t{0} - size : size;
  std::string_view header = in.rest();
  ByteRange range = select_range(header, size);
  switch (range.kind) {
    case ByteRange::Kind::whole:
      FUZZ_CHECK(range.offset == 0 && range.bytes == size);
      return;
    case ByteRange::Kind::unsatisfiable:
      FUZZ_CHECK(header.starts_with("bytes=") && range.bytes == 0);
      return;
    case ByteRange::Kind::part:
      break;
  }
  FUZZ_CHECK(header.starts_with("bytes=") && header.find(',') == std::string_view::npos);
  FUZZ_CHECK(range.bytes > 0 && range.offset < size && range.bytes <= size - range.offset);
  auto again = select_range("bytes=" + std::to_string(range.offset) + "-" +
                                std::to_string(range.offset + range.bytes - 1),
                            size);
  FUZZ_CHECK(again.kind == ByteRange::Kind::part && again.offset == range.offset &&
             again.bytes == range.bytes);
}

void check_etags(std::string_view list) {
  constexpr std::string_view kTag = "\"5f1c\"";
  bool strong = net::etag_listed(list, kTag, false), weak = net::etag_listed(list, kTag, true);
  FUZZ_CHECK(!strong || weak);
  FUZZ_CHECK(!weak || list.find(kTag) != std::string_view::npos ||
             list.find('*') != std::string_view::npos);
  FUZZ_CHECK(net::etag_listed(std::string(list) + ",\t" + std::string(kTag) + " ", kTag, false));
}

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What a download may be called.
void check_download_name(std::string_view text) {
  for (std::size_t bytes_max : {std::size_t{7}, text.size() * 3}) {
    const std::string name = protocol::download_name(text, bytes_max);
    FUZZ_CHECK(name.size() <= bytes_max && is_valid_utf8(name));
    FUZZ_CHECK(std::none_of(name.begin(), name.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
    }));
    FUZZ_CHECK(protocol::download_name(name, bytes_max) == name);
  }
}

void check_disposition(std::string_view header) {
  check_download_name(header);
  std::string any = protocol::attachment(header);
  FUZZ_CHECK(is_header_text(any));
  FUZZ_CHECK(any == "attachment" || any.starts_with("attachment; filename=\""));
  auto name = parse_disposition(header);
  if (!name) {
    return;
  }
  FUZZ_CHECK(is_valid_utf8(*name) && name->size() <= kFileNameBytesMax);
  FUZZ_CHECK(std::none_of(name->begin(), name->end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  }));
  std::string safe = *name;
  std::replace_if(safe.begin(), safe.end(), [](char c) { return c == '/' || c == '\\'; }, '_');
  std::string written = protocol::attachment(*name);
  FUZZ_CHECK(is_header_text(written));
  auto back = parse_disposition(written);
  FUZZ_CHECK(back && *back == safe);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(4)) {
    case 0:
      check_block_list(in.rest());
      return;
    case 1:
      check_range(in);
      return;
    case 2:
      check_etags(in.rest());
      return;
    default:
      check_disposition(in.rest());
  }
}

}  // namespace reachback::fuzz
