// Tagged binary records: how documents in the database are written. A record is fields one after
// another, each `key` (number * 2, + 1 if the value is bytes), then a varint or length and bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::server {

class RecordWriter {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} * 2);
    varint(value);
  }
  // Small for small magnitudes of either sign.
  void signed_number(std::uint32_t field, std::int64_t value) {
    auto u = static_cast<std::uint64_t>(value);
    number(field, (u << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }
  void bytes(std::uint32_t field, std::string_view value) {
    varint(std::uint64_t{field} * 2 + 1);
    varint(value.size());
    out_.append(value);
  }
  // In front of the fields; readers check it first.
  void version(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  std::string take() { return std::move(out_); }

 private:
  void varint(std::uint64_t v) {
    while (v >= 0x80) {
      out_.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    out_.push_back(static_cast<char>(v));
  }
  std::string out_;
};

// Reads what RecordWriter wrote. After a failure every call says so again: check next() only.
class RecordReader {
 public:
  explicit RecordReader(std::string_view record) : rest_(record) {}

  // 0 for an empty record.
  std::uint8_t version() {
    if (rest_.empty()) {
      return 0;
    }
    auto v = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return v;
  }
  // The next field; false at the end and when the record is damaged.
  bool next() {
    if (rest_.empty() || damaged_) {
      return false;
    }
    std::uint64_t key = varint();
    if (damaged_ || (key >> 1) > UINT32_MAX) {
      damaged_ = true;
      return false;
    }
    field_ = static_cast<std::uint32_t>(key >> 1);
    is_bytes_ = (key & 1) != 0;
    number_ = varint();
    bytes_ = {};
    if (is_bytes_ && !damaged_) {
      if (number_ > rest_.size()) {
        damaged_ = true;
        return false;
      }
      bytes_ = rest_.substr(0, number_);
      rest_.remove_prefix(number_);
    }
    return !damaged_;
  }
  std::uint32_t field() const { return field_; }
  // A field of the other kind than asked for is damage.
  std::uint64_t number() {
    damaged_ = damaged_ || is_bytes_;
    return number_;
  }
  std::int64_t signed_number() {
    std::uint64_t u = number();
    return static_cast<std::int64_t>((u >> 1) ^ (~(u & 1) + 1));
  }
  std::string_view bytes() {
    damaged_ = damaged_ || !is_bytes_;
    return bytes_;
  }
  bool damaged() const { return damaged_; }
  void refuse() { damaged_ = true; }

 private:
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        break;
      }
      auto b = static_cast<std::uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      if (shift == 63 && b > 1) {
        break;
      }
      v |= std::uint64_t{b & 0x7fu} << shift;
      if ((b & 0x80) == 0) {
        return v;
      }
    }
    damaged_ = true;
    return 0;
  }

  std::string_view rest_;
  std::uint32_t field_ = 0;
  bool is_bytes_ = false;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool damaged_ = false;
};

}  // namespace reachback::server
