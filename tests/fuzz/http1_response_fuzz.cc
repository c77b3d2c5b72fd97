// Any bytes as the answer to a GET over HTTP/1.1; what is cut off is never taken for complete.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/http1_get.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto response = ringside::http::parse_http1_response(bytes);
  if (!response) return 0;
  if (response->body.size() > size) abort();
  size_t head = bytes.find("\r\n\r\n");
  if (head == bytes.npos || ringside::http::parse_http1_response(bytes.substr(0, head))) abort();
  return 0;
}
