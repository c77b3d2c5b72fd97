// For fuzz targets: stops where a property does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace ringside::fuzz {

// Says where itself, since an optimizing compiler makes one of all calls of abort().
inline void require(bool condition, std::source_location where = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%u: Assertion failed\n", where.file_name(), unsigned(where.line()));
  std::abort();
}

}  // namespace ringside::fuzz
