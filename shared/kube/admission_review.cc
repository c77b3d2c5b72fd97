#include "kube/admission_review.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <limits>
#include <unordered_map>
#include <utility>

namespace ringside::kube {
namespace {

constexpr std::string_view kApiVersion = "admission.k8s.io/v1";
constexpr std::string_view kKind = "AdmissionReview";

// Where the scanner is: what the members of an object are to it.
enum class Place { kSkipped, kWhole, kReview, kRequest, kObject, kWholeObject, kMetadata, kUser, kOptions };

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (std::string_view each : names) {
    if (name == each) return true;
  }
  return false;
}

Place keep_if(bool kept) {
  return kept ? Place::kWhole : Place::kSkipped;
}

Place place_in_request(std::string_view name, WholeObject whole) {
  if (name == "object") return whole == WholeObject::kKeep ? Place::kWholeObject : Place::kObject;
  if (name == "oldObject") return Place::kObject;
  if (name == "userInfo") return Place::kUser;
  if (name == "options") return Place::kOptions;
  return keep_if(
      is_one_of(name, {"uid", "kind", "resource", "subResource", "name", "namespace", "operation", "dryRun"}));
}

Place place_of(Place parent, std::string_view name, WholeObject whole) {
  switch (parent) {
    case Place::kReview: return name == "request" ? Place::kRequest : keep_if(is_one_of(name, {"apiVersion", "kind"}));
    case Place::kRequest: return place_in_request(name, whole);
    case Place::kObject: return name == "metadata" ? Place::kMetadata : Place::kSkipped;
    case Place::kWholeObject: return name == "metadata" ? Place::kMetadata : Place::kWhole;
    case Place::kMetadata: return keep_if(name != "managedFields");
    case Place::kUser: return keep_if(is_one_of(name, {"username", "extra"}));
    case Place::kOptions: return keep_if(name == "fieldManager");
    case Place::kWhole: return Place::kWhole;
    case Place::kSkipped: break;
  }
  return Place::kSkipped;
}

// Of members of the same name the last one stays, as in Go.
void drop_duplicates(json::Object& object) {
  std::unordered_map<std::string_view, size_t> last;
  for (size_t i = 0; i < object.size(); ++i) last[object[i].first] = i;
  if (last.size() == object.size()) return;
  json::Object unique;
  for (size_t i = 0; i < object.size(); ++i) {
    // The key of `last` views the name: look it up before the member is moved away.
    if (last.at(object[i].first) == i) unique.emplace_back(object[i].first, std::move(object[i].second));
  }
  object = std::move(unique);
}

// RapidJSON's handler: builds a Value of the places that are kept. No recursion, memory for what is kept only.
class Scanner {
 public:
  explicit Scanner(WholeObject whole) : whole_(whole) {}

  bool Null() { return add(nullptr); }
  bool Bool(bool value) { return add(value); }
  bool Int(int value) { return add(value); }
  bool Uint(unsigned value) { return add(int64_t(value)); }
  bool Int64(int64_t value) { return add(value); }
  bool Uint64(uint64_t value) {
    bool fits = value <= uint64_t(std::numeric_limits<int64_t>::max());
    return fits ? add(int64_t(value)) : add(double(value));
  }
  bool Double(double value) { return add(value); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return next_place() == Place::kSkipped || add(std::string(text, size));
  }
  bool StartObject() { return open(json::Object()); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (skipped_depth_ == 0) {
      open_.back().name.assign(text, size);
      open_.back().next = place_of(open_.back().place, open_.back().name, whole_);
    }
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(json::Array()); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  json::Value take() { return std::move(root_); }
  bool too_deep() const { return too_deep_; }

 private:
  // A container that is kept and not closed yet.
  struct Container {
    json::Value value;
    Place place;                   // what its members are
    std::string name = {};         // of the member being read, if it is an object
    Place next = Place::kSkipped;  // the place of the value being read
  };

  Place next_place() const {
    if (skipped_depth_ > 0) return Place::kSkipped;
    return open_.empty() ? Place::kReview : open_.back().next;
  }

  bool add(json::Value value) {
    if (next_place() == Place::kSkipped) return true;
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (json::Array* array = open_.back().value.as_array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().value.as_object()->emplace_back(std::move(open_.back().name), std::move(value));
    }
    return true;
  }

  bool open(json::Value container) {
    Place place = next_place();
    int depth = int(open_.size()) + skipped_depth_;
    too_deep_ = depth >= (place == Place::kSkipped ? kMaxSkippedDepth : json::kMaxDepth);
    if (too_deep_) return false;
    if (place == Place::kSkipped) {
      ++skipped_depth_;
      return true;
    }
    // An array where an object belongs has no members of note: its items are kept only where everything is.
    Place items = container.is_array() && place == Place::kWhole ? Place::kWhole : Place::kSkipped;
    open_.push_back({std::move(container), place});
    open_.back().next = items;
    return true;
  }

  bool close() {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
      return true;
    }
    json::Value done = std::move(open_.back().value);
    open_.pop_back();
    if (json::Object* object = done.as_object()) drop_duplicates(*object);
    return add(std::move(done));
  }

  WholeObject whole_;
  json::Value root_;
  std::vector<Container> open_;  // outermost first
  int skipped_depth_ = 0;        // containers open below the innermost kept one
  bool too_deep_ = false;
};

Result<json::Value> scan(std::string_view body, WholeObject whole) {
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Reader reader;
  Scanner scanner(whole);
  reader.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(stream, scanner);
  if (!reader.HasParseError()) return scanner.take();
  std::string why = scanner.too_deep() ? "nested too deep" : rapidjson::GetParseError_En(reader.GetParseErrorCode());
  return failure(ErrorKind::kInvalid,
                 "AdmissionReview: not valid JSON at offset " + std::to_string(reader.GetErrorOffset()) + ": " + why);
}

std::unexpected<Error> invalid(std::string_view what) {
  return failure(ErrorKind::kInvalid, "AdmissionReview: " + std::string(what));
}

std::optional<Operation> parse_operation(std::string_view text) {
  if (text == "CREATE") return Operation::kCreate;
  if (text == "UPDATE") return Operation::kUpdate;
  if (text == "DELETE") return Operation::kDelete;
  if (text == "CONNECT") return Operation::kConnect;
  return std::nullopt;
}

UserInfo parse_user(const json::Value& request) {
  UserInfo user;
  user.name = request.string_at({"userInfo", "username"});
  const json::Value* extra = request.at({"userInfo", "extra"});
  if (!extra || !extra->is_object()) return user;
  for (const auto& [key, values] : *extra->as_object()) {
    auto& texts = user.extra[key];
    for (const auto& value : values.array_at({})) {
      if (const std::string* text = value.as_string()) texts.push_back(*text);
    }
  }
  return user;
}

// nullopt if the object is missing or null.
std::optional<ObjectMeta> parse_metadata(const json::Value& request, std::string_view member) {
  const json::Value* object = request.find(member);
  if (!object || !object->is_object()) return std::nullopt;
  const json::Value* metadata = object->find("metadata");
  return metadata ? parse_object_meta(*metadata) : ObjectMeta();
}

std::string to_base64(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto group = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0);
    for (size_t k = 0; k < 4; ++k) text.push_back(k <= group.size() ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=');
  }
  return text;
}

}  // namespace

std::string_view UserInfo::extra_value(std::string_view key) const {
  auto found = extra.find(key);
  return found == extra.end() || found->second.empty() ? std::string_view() : std::string_view(found->second.front());
}

Result<AdmissionRequest> parse_admission_review(std::string_view body, WholeObject whole) {
  auto review = scan(body, whole);
  if (!review) return failure(review.error());
  if (!review->is_object()) return invalid("is no JSON object");
  auto type = parse_type_meta(*review);
  if (type.kind != kKind || type.api_version != kApiVersion) {
    return invalid("kind '" + type.kind + "' of '" + type.api_version + "' is not " + std::string(kKind) + " of " +
                   std::string(kApiVersion));
  }
  json::Value* request = review->find("request");
  if (!request || !request->is_object()) return invalid("request is missing");
  auto text = [&](std::initializer_list<std::string_view> path) { return std::string(request->string_at(path)); };
  if (text({"uid"}).empty()) return invalid("request.uid is missing");
  auto operation = parse_operation(text({"operation"}));
  if (!operation) return invalid("request.operation is '" + text({"operation"}) + "'");

  AdmissionRequest result;
  result.uid = text({"uid"});
  result.kind = {text({"kind", "group"}), text({"kind", "version"}), text({"kind", "kind"})};
  result.resource = {text({"resource", "group"}), text({"resource", "version"}), text({"resource", "resource"})};
  result.sub_resource = text({"subResource"});
  result.name = text({"name"});
  result.ns = text({"namespace"});
  result.operation = *operation;
  result.dry_run = request->bool_at({"dryRun"});
  result.field_manager = text({"options", "fieldManager"});
  result.user = parse_user(*request);
  result.object_meta = parse_metadata(*request, "object");
  result.old_object_meta = parse_metadata(*request, "oldObject");
  json::Value* object = request->find("object");
  if (object && whole == WholeObject::kKeep) result.object = std::move(*object);
  return result;
}

AdmissionResponse allow() {
  return {};
}

AdmissionResponse allow_with_patch(json::Value patch) {
  AdmissionResponse response;
  response.patch = std::move(patch);
  return response;
}

AdmissionResponse deny(int code, std::string message) {
  AdmissionResponse response;
  response.allowed = false;
  response.status = Status{code, code == 403 ? "Forbidden" : "", std::move(message)};
  return response;
}

std::string to_body(const AdmissionResponse& response, std::string_view uid) {
  json::Value answer = json::Value::object({{"uid", uid}, {"allowed", response.allowed}});
  const json::Array* patch = response.patch.as_array();
  if (patch && !patch->empty()) {
    answer["patch"] = to_base64(json::to_string(response.patch));
    answer["patchType"] = "JSONPatch";
  }
  if (response.status) answer["status"] = to_json(*response.status);
  for (const auto& warning : response.warnings) answer["warnings"].push_back(warning);
  return json::to_string(
      json::Value::object({{"kind", kKind}, {"apiVersion", kApiVersion}, {"response", std::move(answer)}}));
}

}  // namespace ringside::kube
