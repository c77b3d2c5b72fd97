#include "kube/list_splitter.h"

#include <gtest/gtest.h>

namespace ringside::kube {
namespace {

struct Split {
  std::vector<json::Value> items;
  Result<json::Value> rest;
};

// Fed in pieces of that size.
Split split_list(std::string_view text, size_t piece) {
  Split result{{}, failure(ErrorKind::kInternal, "not finished")};
  ListSplitter splitter([&](json::Value item) { result.items.push_back(std::move(item)); });
  for (size_t begin = 0; begin < text.size(); begin += piece) {
    if (auto fed = splitter.feed(text.substr(begin, piece)); !fed) {
      result.rest = failure(fed.error());
      return result;
    }
  }
  result.rest = splitter.finish();
  return result;
}

TEST(ListSplitterTest, ItemsAndRestWhateverThePieces) {
  const std::string lists[] = {
      R"({"kind":"L","metadata":{"resourceVersion":"7"},"items":[]})",
      R"({"kind":"L","metadata":{"resourceVersion":"7"},"items":null})",
      R"({"kind":"L","metadata":{"resourceVersion":"7"}})",
      R"({"kind":"L","metadata":{"resourceVersion":"7"},"items":[{"a":1}]})",
      R"({"items":[{"a":1},{"b":"}],{\"\\"}],"metadata":{"resourceVersion":"7"},"kind":"L"})",
      " { \"kind\" : \"items\" , \"items\" : [ { \"items\" : [ 1 , { } ] } , { } ] , \"metadata\" : { \"items\" : [ 1 "
      ", 2 ] } }\n ",
      R"({"other":[{"a":1},2],"items":[{"a":[]}],"more":{"items":[{"x":1}]},"last":"items"})",
  };
  for (const std::string& text : lists) {
    json::Value whole = json::parse(text).value();
    const json::Array items = whole.array_at({"items"});
    if (whole.find("items") && whole.find("items")->is_array()) whole["items"] = json::Array();
    for (size_t piece : {size_t(1), size_t(2), size_t(5), text.size()}) {
      Split split = split_list(text, piece);
      ASSERT_TRUE(split.rest) << text << split.rest.error().message;
      EXPECT_EQ(*split.rest, whole) << text;
      EXPECT_EQ(split.items, items) << text;
    }
  }
}

TEST(ListSplitterTest, BrokenListsAreInvalid) {
  for (std::string text :
       {"", "{", R"({"items":[{"a":1})", R"({"items":[{"a":1},)", R"({"items":[{]}]})", R"({"items":[{"a" 1}]})",
        R"({"items":[{}]}x)", R"(]]]]{"items":[{}]})", R"({"items":[{"a":"\x"}]})", R"({"items":[1,2]})",
        R"({"items":[[1]]} )", R"({"it\u0065ms":[{"a":1}]})"}) {
    for (size_t piece : {size_t(1), size_t(100)}) {
      Split split = split_list(text, piece);
      ASSERT_FALSE(split.rest) << text;
      EXPECT_EQ(split.rest.error().kind, ErrorKind::kInvalid);
    }
  }
}

TEST(ListSplitterTest, HugeItemsAndHugeRestsAreRefused) {
  for (std::string begin : {R"({"items":[{"a":")", R"({"metadata":{"a":")"}) {
    ListSplitter splitter([](json::Value) {});
    ASSERT_TRUE(splitter.feed(begin));
    std::string piece(1 << 20, 'x');
    Result<void> fed;
    for (int i = 0; i < 20 && fed; ++i) fed = splitter.feed(piece);
    EXPECT_FALSE(fed) << begin;
  }
}

}  // namespace
}  // namespace ringside::kube
