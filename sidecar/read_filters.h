// Under which filter the controller last listed each collection.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace ringside::sidecar {

// Beside RelistMarks, which are for watches that a change of the ring finds open: a client may also be between its list
// and its watch at that moment, or between two watches. What it resumes then knows objects by the filter of before.
//
// By the path, without the query. Of two clients with one path that are both between watches only the first is told.
// Memory: one path each for at most 1,000 collections; those after that are not known.
class ReadFilters {
 public:
  // A list begins, or a watch that begins with all there is.
  void begun(std::string_view path, bool filtered);
  // The path is read from its beginning under another filter than the one that was given then.
  bool is_stale(std::string_view path, bool filtered) const;
  size_t size() const { return filtered_.size(); }

 private:
  std::map<std::string, bool, std::less<>> filtered_;
};

}  // namespace ringside::sidecar
