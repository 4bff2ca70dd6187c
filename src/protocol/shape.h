// Whether bytes have the wire types of the messages in api/agent.proto. The protobuf library takes
// a known field of another wire type for an unknown one and leaves the field at its default, which
// would then be taken for what was meant (trust.md §5.9.15). Pure, thread-safe.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"

namespace reachback::protocol {

// One message. Its fields are numbered from 1 without a gap; a number beyond is of a newer version.
struct Shape {
  std::string_view wires;                    // by field: v number, b bytes or text, m message
  std::span<const Shape* const> messages{};  // of the m's, in their order
  bool is_choice = false;                    // at least one field, known or not, must be there
};

extern const Shape kToServerShape, kToAgentShape, kOrderShape, kHelloBodyShape, kReceiptShape,
    kOrderKeysShape;

// Errors: protocol (a known field of another type, a message that ends early, nothing in a choice).
Result<void> check_shape(std::string_view bytes, const Shape& shape);

}  // namespace reachback::protocol
