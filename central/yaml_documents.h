// YAML files of several documents.
#pragma once

#include <string>

namespace ringside::central {

// Whether a second document begins in the text. Reads no further than that: yaml-cpp 0.7 finds documents without end in
// some texts that are not valid (YAML::LoadAll never returns then).
bool has_several_yaml_documents(const std::string& text);

}  // namespace ringside::central
