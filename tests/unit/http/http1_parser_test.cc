#include "http/http1_parser.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringside::http {
namespace {

using namespace std::literals;

struct Parsed {
  RequestHead head;
  bool has_body = false, ended = false, keep_alive = false;
  std::string body;
  std::optional<Error> error;
  size_t used = 0;
};

// Feeds pieces of that size, keeping what the parser does not consume.
Parsed parse(std::string_view text, size_t piece = 1 << 20, size_t max_header_bytes = 8192) {
  Parsed parsed;
  Http1RequestParser parser(max_header_bytes, {.on_head =
                                                   [&](RequestHead head, bool has_body) {
                                                     parsed.head = std::move(head);
                                                     parsed.has_body = has_body;
                                                   },
                                               .on_body = [&](std::string_view bytes) { parsed.body.append(bytes); },
                                               .on_end = [&] { parsed.ended = true; }});
  std::string input;
  for (size_t begin = 0; begin < text.size() && !parser.complete(); begin += piece) {
    input.append(text.substr(begin, piece));
    auto used = parser.feed(input);
    if (!used) {
      parsed.error = used.error();
      return parsed;
    }
    input.erase(0, *used);
    parsed.used += *used;
  }
  if (parser.head_complete()) parsed.keep_alive = parser.keep_alive();
  return parsed;
}

TEST(Http1ParserTest, RequestsInPiecesOfEverySize) {
  struct Case {
    std::string text;
    std::string path, body;
    bool has_body;
    bool keep_alive;
  };
  const Case cases[] = {
      {"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", "/a?b", "", false, true},
      {"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", "/", "", false, false},
      {"GET / HTTP/1.0\r\nhost: h\r\n\r\n", "/", "", false, false},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "/", "hello", true, true},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "/", "", false, true},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: "
       "1\r\n\r\n",
       "/", "hello world", true, true},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "/", "", true, true},
  };
  for (const Case& c : cases) {
    for (size_t piece : {size_t(1), size_t(2), size_t(3), size_t(17), c.text.size()}) {
      SCOPED_TRACE(c.text + " in pieces of " + std::to_string(piece));
      Parsed parsed = parse(c.text + (piece == c.text.size() ? "GET /next" : ""), piece);
      ASSERT_FALSE(parsed.error) << parsed.error->message;
      EXPECT_EQ(parsed.head.path, c.path);
      EXPECT_EQ(parsed.head.authority, "h");
      EXPECT_EQ(parsed.body, c.body);
      EXPECT_EQ(parsed.has_body, c.has_body);
      EXPECT_EQ(parsed.keep_alive, c.keep_alive);
      EXPECT_TRUE(parsed.ended);
      EXPECT_EQ(parsed.used, c.text.size());
    }
  }
}

TEST(Http1ParserTest, FieldsAreTrimmedAndLowerCase) {
  Parsed parsed = parse("GET / HTTP/1.1\r\nHOST: h\r\nX-A:  1 \r\nX-a:2\r\nEmpty:\r\n\r\n");
  ASSERT_FALSE(parsed.error);
  EXPECT_EQ(parsed.head.headers.size(), 3u);
  EXPECT_EQ(parsed.head.headers.get("x-a"), "1");
  EXPECT_EQ(parsed.head.headers.get("empty"), "");
}

TEST(Http1ParserTest, AmbiguousOrMalformedRequestsAreRefused) {
  const std::string cases[] = {
      "\r\n\r\n\r\n\r\n",
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/2.0\r\nhost: h\r\n\r\n",
      "GET / HTTX/1.1\r\nhost: h\r\n\r\n",
      "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nhost:\r\nhost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nhost : h\r\n\r\n",
      "GET / HTTP/1.1\r\n x: folded first\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nx: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nx: a\nb: c\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n"s,
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
      "GET / HTTP/1.1\r\nx: no host\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -5\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0x5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999999\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
      "GET x HTTP/1.1\r\nhost: h\r\n\r\n",
      "GET http://h/ HTTP/1.1\r\n\r\n",
      "GET http://h:x/ HTTP/1.1\r\nhost: h\r\n\r\n",
      "GET http://h/ HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
  };
  for (const std::string& text : cases) {
    for (size_t piece : {size_t(1), text.size()}) {
      Parsed parsed = parse(text, piece);
      ASSERT_TRUE(parsed.error) << text << " in pieces of " << piece;
      EXPECT_EQ(parsed.error->kind, ErrorKind::kInvalid);
    }
  }
}

TEST(Http1ParserTest, BareLineFeedEndsNoLine) {
  Parsed parsed = parse("GET / HTTP/1.1\nhost: h\n\n", 1);
  EXPECT_TRUE(parsed.error || parsed.head.method.empty());
}

TEST(Http1ParserTest, HeadThatIsTooLargeIsNamed) {
  const std::string cases[] = {
      "GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(9000, 'x') + "\r\n\r\n",
      "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nhost: h\r\n\r\n",
  };
  for (const std::string& text : cases) {
    for (size_t piece : {size_t(1), size_t(100), text.size()}) {
      Parsed parsed = parse(text, piece);
      ASSERT_TRUE(parsed.error) << piece;
      EXPECT_NE(parsed.error->message.find("larger than 8192 bytes"), std::string::npos) << parsed.error->message;
    }
  }
}

// Of lines that come one by one too, which are consumed as they come.
TEST(Http1ParserTest, LimitIsThatOfTheWholeHead) {
  std::string head = "GET / HTTP/1.1\r\nhost: h\r\n";
  while (head.size() < 5000) head += "x-some-field: 123456789012345678901234567890\r\n";
  head += "\r\n";
  for (size_t piece : {size_t(1), size_t(46), size_t(1000), head.size()}) {
    EXPECT_FALSE(parse(head, piece, 9000).error) << piece;
    EXPECT_TRUE(parse(head, piece, 4000).error) << piece;
  }
  // What is behind the head does not count.
  EXPECT_FALSE(parse(head + "GET / HTTP/1.1\r\n" + std::string(9000, 'x'), 20'000, 9000).error);
}

// Each byte is looked at when it comes; if all were, this would take hours.
TEST(Http1ParserTest, LargeHeadByteByByte) {
  constexpr size_t kSize = 1 << 20;
  std::string head = "GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(kSize, 'x') + "\r\n\r\n";
  Parsed parsed = parse(head, 1, kSize + 1000);
  ASSERT_FALSE(parsed.error);
  EXPECT_EQ(parsed.head.headers.get("x")->size(), kSize);
}

// As HTTP/2 counts: 32 bytes more for each. Else the fields of a head would take many times its size.
TEST(Http1ParserTest, FieldsCountToo) {
  std::string head = "GET / HTTP/1.1\r\nhost: h\r\n";
  for (int i = 0; i < 100; ++i) head += "a:\r\n";
  EXPECT_FALSE(parse(head + "\r\n", 1 << 20, 4000).error);
  EXPECT_TRUE(parse(head + "\r\n", 1 << 20, 3300).error);
}

// The line that ends the head and the body come together: the body's lines are none of the head's.
TEST(Http1ParserTest, BodyIsNoFoldedLine) {
  std::string_view head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 8\r\n\r";
  std::string_view body = "a\r\n b\r\n\tGET";
  std::vector<std::string> got;
  Http1RequestParser parser(8192, {.on_head = [](RequestHead, bool) {},
                                   .on_body = [&](std::string_view bytes) { got.emplace_back(bytes); },
                                   .on_end = [] {}});
  auto used = parser.feed(head);
  ASSERT_TRUE(used);
  std::string rest = std::string(head.substr(*used)) + "\n" + std::string(body);
  ASSERT_TRUE(parser.feed(rest));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0], body.substr(0, 8));
}

TEST(Http1ParserTest, TargetsOfEveryForm) {
  struct Case {
    std::string line, authority, path;
  };
  const Case cases[] = {
      {"GET https://a:1/b?c=%2f HTTP/1.1", "a:1", "/b?c=%2f"},
      {"GET https:///b HTTP/1.1", "h", "/b"},
      {"GET https://a HTTP/1.1", "a", ""},
      {"OPTIONS * HTTP/1.1", "h", "*"},
      {"CONNECT a:1 HTTP/1.1", "a:1", ""},
      {"GET http://a/b HTTP/1.0", "a", "/b"},
  };
  for (const Case& c : cases) {
    for (size_t piece : {size_t(1), size_t(1000)}) {
      Parsed parsed = parse(c.line + "\r\nhost: h\r\n\r\n", piece);
      ASSERT_FALSE(parsed.error) << c.line;
      EXPECT_EQ(parsed.head.authority, c.authority) << c.line;
      EXPECT_EQ(parsed.head.path, c.path) << c.line;
      EXPECT_EQ(parsed.head.headers.size(), 0u);
    }
  }
}

}  // namespace
}  // namespace ringside::http
