// Samples of the Prometheus text format (version 0.0.4), as other programs serve it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ringside {

struct PrometheusSample {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;  // values unescaped
  double value = 0;                                              // may be NaN or infinite

  // The value of the label; empty if there is none.
  std::string_view label(std::string_view name) const;
};

// Calls back for every sample whose name is wanted, in order; other lines are skipped unread. The sample's views live
// as long as the text. kInvalid, with the line's number, for a wanted line that is malformed; samples before it have
// been reported then.
Result<void> for_each_sample(std::string_view text, const std::function<bool(std::string_view name)>& wanted,
                             const std::function<void(const PrometheusSample&)>& callback);

}  // namespace ringside
