#include "kube/list_splitter.h"

namespace ringside::kube {

Result<void> ListSplitter::feed(std::string_view bytes) {
  for (char c : bytes) {
    if (auto taken = take(c); !taken) return taken;
  }
  return {};
}

Result<void> ListSplitter::take(char c) {
  bool of_item = items_ && (depth_ > 2 || (depth_ == 2 && (c == '{' || c == '[')));
  // The commas between items go, so that what is left of the array is "[]".
  bool between = items_ && depth_ == 2 && c == ',' && !in_string_;
  if (of_item) {
    if (item_.size() >= kMaxItemBytes) return failure(ErrorKind::kInvalid, "list: an item is larger than 8 MiB");
    item_.push_back(c);
  } else if (!between) {
    if (rest_.size() >= kMaxItemBytes) return failure(ErrorKind::kInvalid, "list: more than 8 MiB beside its items");
    rest_.push_back(c);
  }
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    } else if (depth_ == 1) {
      string_.push_back(c);
    }
    return {};
  }
  switch (c) {
    case '"':
      in_string_ = true;
      if (depth_ == 1) string_.clear();
      return {};
    case '{':
    case '[':
      if (depth_ == 1 && c == '[' && string_ == "items") items_ = true;
      ++depth_;
      return {};
    case '}':
    case ']':
      --depth_;
      if (items_ && depth_ == 1) items_ = false;
      if (items_ && depth_ == 2) return end_item();
      return {};
    default: return {};
  }
}

Result<void> ListSplitter::end_item() {
  auto item = json::parse(item_);
  item_.clear();
  if (!item) return failure(item.error().with_context("list item"));
  if (!item->is_object()) return failure(ErrorKind::kInvalid, "list: an item is no object");
  on_item_(std::move(*item));
  return {};
}

Result<json::Value> ListSplitter::finish() {
  auto list = json::parse(rest_);
  if (!list) return failure(list.error().with_context("list"));
  // What was not recognised as an item must not be lost in silence.
  if (!list->array_at({"items"}).empty()) return failure(ErrorKind::kInvalid, "list: an item is no object");
  return list;
}

}  // namespace ringside::kube
