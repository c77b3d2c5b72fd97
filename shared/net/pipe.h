// Two connected byte streams in memory, for tests without a network.
#pragma once

#include <memory>
#include <utility>

#include "event/loop.h"
#include "net/byte_stream.h"

namespace ringside::net {

struct PipeOptions {
  size_t capacity = 64 << 10;           // bytes that fit into each direction
  size_t max_bytes_per_call = 1 << 30;  // 1: everything arrives one byte at a time
};

// What is written to one end is read from the other. Destroying an end is an end of file for the other, whose writes
// fail.
std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> make_pipe(event::Loop& loop,
                                                                              PipeOptions options = {});

}  // namespace ringside::net
