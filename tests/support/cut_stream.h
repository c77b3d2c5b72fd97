// A byte stream that breaks after a number of bytes.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "net/byte_stream.h"

namespace ringside::testing {

// Passes on `budget` bytes, both directions together; from then on everything fails, and the peer reads the end.
class CutStream : public net::ByteStream {
 public:
  CutStream(std::unique_ptr<net::ByteStream> inner, size_t budget) : inner_(std::move(inner)), budget_(budget) {}

  net::IoResult read(std::span<char> buffer) override {
    if (!cut_if_spent()) return {net::IoStatus::kError, 0};
    return spend(inner_->read(buffer.first(std::min(buffer.size(), budget_))));
  }
  net::IoResult write(std::string_view bytes) override {
    if (!cut_if_spent()) return {net::IoStatus::kError, 0};
    return spend(inner_->write(bytes.substr(0, budget_)));
  }
  void shut_down_write() override {
    if (inner_) inner_->shut_down_write();
  }
  void set_ready_callback(ReadyCallback callback) override {
    if (inner_) inner_->set_ready_callback(std::move(callback));
  }
  void want(bool read, bool write) override {
    if (inner_) inner_->want(read, write);
  }
  const Error& error() const override { return error_; }

 private:
  bool cut_if_spent() {
    if (budget_ == 0) inner_.reset();
    if (!inner_) error_ = {ErrorKind::kDisconnected, "connection lost: cut"};
    return inner_ != nullptr;
  }
  net::IoResult spend(net::IoResult result) {
    budget_ -= result.n;
    if (result.status == net::IoStatus::kError) error_ = inner_->error();
    return result;
  }

  std::unique_ptr<net::ByteStream> inner_;
  size_t budget_;
  Error error_;
};

}  // namespace ringside::testing
