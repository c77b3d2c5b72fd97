// A list's items and rest are those of the whole document, whatever the pieces.
#include "kube/list_splitter.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace ringside;

struct Split {
  json::Array items;
  Result<json::Value> rest;
  bool operator==(const Split& other) const {
    if (rest.has_value() != other.rest.has_value()) return false;
    return !rest || (*rest == *other.rest && items == other.items);
  }
};

Split split(std::string_view text, size_t piece) {
  Split result{{}, failure(ErrorKind::kInvalid, "")};
  kube::ListSplitter splitter([&](json::Value item) { result.items.push_back(std::move(item)); });
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    if (!splitter.feed(text.substr(0, piece))) return result;
  }
  result.rest = splitter.finish();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Split whole = split(text, size + 1);
  if (!(split(text, 1) == whole) || !(split(text, 7) == whole)) abort();
  if (!whole.rest) return 0;
  // What was accepted is a list for the JSON parser too, with the same items unless the name came twice.
  auto document = json::parse(text);
  if (!document) return 0;  // members that differ in what stands between the items
  const json::Array& items = document->array_at({"items"});
  if (items.size() > whole.items.size()) abort();
  return 0;
}
