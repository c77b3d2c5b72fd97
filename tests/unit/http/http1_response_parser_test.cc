#include "http/http1_parser.h"

#include <gtest/gtest.h>

namespace ringside::http {
namespace {

struct Parsed {
  std::string seen;  // "<status> <body>", "|" where the response is complete, "!" and the error's kind
  std::string rest;
};

// In pieces of that size; `closed`: the connection ends then.
Parsed parse(std::string_view text, size_t piece, bool closed = false, bool answers_head = false) {
  Http1ResponseParser parser(4096, answers_head);
  Parsed parsed;
  auto take = [&](Http1ResponseParser::Part& part) {
    if (part.head) parsed.seen += std::to_string(part.head->status) + " ";
    parsed.seen += part.body;
    if (part.end) parsed.seen += "|";
    return part.end;
  };
  for (size_t begin = 0; begin < text.size(); begin += piece) {
    parsed.rest += text.substr(begin, piece);
    Http1ResponseParser::Part part;
    auto used = parser.feed(parsed.rest, part);
    if (!used) {
      parsed.seen += "!" + std::string(to_string(used.error().kind));
      return parsed;
    }
    parsed.rest.erase(0, *used);
    if (take(part)) {
      parsed.rest += text.substr(std::min(text.size(), begin + piece));
      return parsed;
    }
  }
  if (!closed) return parsed;
  Http1ResponseParser::Part part;
  auto ended = parser.feed_end(part);
  take(part);
  if (!ended) parsed.seen += "!" + std::string(to_string(ended.error().kind));
  return parsed;
}

TEST(Http1ResponseParser, ReadsEveryFramingInPiecesOfEverySize) {
  struct Case {
    std::string text, seen;
    bool closed = false;
    bool answers_head = false;
    std::string rest = {};
  };
  for (const Case& c : {
           Case{"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nabc", "403 abc|"},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n",
                "200 hello!|"},
           Case{"HTTP/1.1 200 OK\r\n\r\nuntil the end", "200 until the end|", true},
           Case{"HTTP/1.1 204 No Content\r\n\r\n", "204 |"},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "200 |", false, true},
           Case{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 400 Bad\r\n"
                "Content-Length: 0\r\n\r\n",
                "400 |"},
           Case{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 7\r\n\r\nHTTP/1.1 raw", "101 |",
                false, false, "HTTP/1.1 raw"},
       }) {
    for (size_t piece : {size_t(1), size_t(7), size_t(10'000)}) {
      Parsed parsed = parse(c.text, piece, c.closed, c.answers_head);
      EXPECT_EQ(parsed.seen, c.seen) << c.text << piece;
      EXPECT_EQ(parsed.rest, c.rest) << c.text << piece;
    }
  }
}

TEST(Http1ResponseParser, TellsACutFromAnEnd) {
  constexpr std::string_view kWhole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (size_t length = 0; length < kWhole.size(); ++length) {
    EXPECT_TRUE(parse(kWhole.substr(0, length), 3, true).seen.ends_with("!disconnected")) << length;
  }
  EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", 3, true).seen.ends_with("!disconnected"));
}

TEST(Http1ResponseParser, RefusesOtherProtocolsAndWhatIsAmbiguousOrTooLarge) {
  for (const std::string& text : {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("HTTP/2 200\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                                  "HTTP/1.1 200 OK\r\nX: " + std::string(5000, 'x') + "\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(5000, 'x')}) {
    EXPECT_TRUE(parse(text, 10'000).seen.ends_with("!invalid")) << text;
    EXPECT_TRUE(parse(text, 1).seen.ends_with("!invalid")) << text;
  }
}

TEST(Http1ResponseParser, LimitIsThatOfTheWholeHead) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  while (head.size() < 5000) head += "x: 123456789012\r\n";
  for (size_t piece : {size_t(1), size_t(17), size_t(10'000)}) {
    EXPECT_TRUE(parse(head + "\r\n", piece).seen.ends_with("!invalid")) << piece;
  }
}

}  // namespace
}  // namespace ringside::http
