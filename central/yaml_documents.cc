#include "central/yaml_documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace ringside::central {
namespace {

class DocumentCounter : public YAML::EventHandler {
 public:
  int count() const { return count_; }

  void OnDocumentStart(const YAML::Mark&) override { ++count_; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int count_ = 0;
};

}  // namespace

bool has_several_yaml_documents(const std::string& text) {
  DocumentCounter documents;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (documents.count() < 2 && parser.HandleNextDocument(documents)) {
    }
  } catch (const YAML::Exception&) {
    // Whoever reads the first document says what is wrong with it.
  }
  return documents.count() > 1;
}

}  // namespace ringside::central
