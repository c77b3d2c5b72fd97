// Whole files.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace ringside {

// The contents of a file of at most 16 MiB. kNotFound, kForbidden or kInternal, with the path in the message.
Result<std::string> read_file(const std::string& path);

// Replaces the file at path in one step (temporary file in the same folder, then rename), so that a reader sees the old
// contents or the new. mode as of chmod(2).
Result<void> write_file_atomically(const std::string& path, std::string_view contents, unsigned mode);

}  // namespace ringside
