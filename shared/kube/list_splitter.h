// Takes the items out of a list's JSON as it arrives, so that a list of any length needs the memory of one item.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace ringside::kube {

// Fed with the body of a list ({"kind":...,"metadata":{...},"items":[{...},...]}) in pieces of any size.
class ListSplitter {
 public:
  // An item longer than this is refused: no object of the API is larger (etcd's limit is 1.5 MiB).
  static constexpr size_t kMaxItemBytes = 8 << 20;

  explicit ListSplitter(std::function<void(json::Value item)> on_item) : on_item_(std::move(on_item)) {}

  // kInvalid if an item is no JSON object.
  Result<void> feed(std::string_view bytes);

  // After the last byte: the list without its items (kind, metadata). kInvalid if it is not complete.
  Result<json::Value> finish();

 private:
  Result<void> take(char c);
  Result<void> end_item();

  std::function<void(json::Value)> on_item_;
  std::string rest_;    // everything but the items
  std::string item_;    // the item being read
  std::string string_;  // the last string at depth 1: a member's name, if a colon follows
  int depth_ = 0;       // open braces and brackets
  bool in_string_ = false;
  bool escaped_ = false;
  bool items_ = false;  // within the array "items" of the top level
};

}  // namespace ringside::kube
