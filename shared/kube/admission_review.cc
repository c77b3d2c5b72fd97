#include "kube/admission_review.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/base64.h"

namespace ringside::kube {
namespace {

constexpr std::string_view kApiVersion = "admission.k8s.io/v1";
constexpr std::string_view kKind = "AdmissionReview";

// What the API server sends of a request; of the other objects less is kept.
constexpr size_t kMembers = 12;

using Place = AdmissionReviewParser::Place;

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
  if (name == "kind" || name == "resource") return Place::kStrings;
  return keep_if(is_one_of(name, {"uid", "subResource", "name", "namespace", "operation", "dryRun"}));
}

Place place_in_metadata(std::string_view name, WholeObject whole) {
  if (name == "labels") return Place::kLabels;
  if (name == "annotations") return keep_if(whole == WholeObject::kKeep);
  return keep_if(name != "managedFields");
}

Place place_of(Place parent, std::string_view name, WholeObject whole) {
  switch (parent) {
    case Place::kReview: return name == "request" ? Place::kRequest : keep_if(is_one_of(name, {"apiVersion", "kind"}));
    case Place::kRequest: return place_in_request(name, whole);
    case Place::kObject: return name == "metadata" ? Place::kMetadata : Place::kSkipped;
    case Place::kWholeObject: return name == "metadata" ? Place::kMetadata : Place::kWhole;
    case Place::kMetadata: return place_in_metadata(name, whole);
    case Place::kUser: return keep_if(is_one_of(name, {"username", "extra"}));
    case Place::kOptions: return keep_if(name == "fieldManager");
    case Place::kStrings:
    case Place::kLabels:
    case Place::kWhole: return Place::kWhole;
    case Place::kSkipped: break;
  }
  return Place::kSkipped;
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

}  // namespace

std::string_view UserInfo::extra_value(std::string_view key) const {
  auto found = extra.find(key);
  return found == extra.end() || found->second.empty() ? std::string_view() : std::string_view(found->second.front());
}

AdmissionReviewParser::AdmissionReviewParser(std::string_view body, WholeObject whole, std::string_view labels_with)
    : cursor_(body), whole_(whole), labels_with_(labels_with) {
  if (cursor_.peek() == '{') {
    enter(Place::kReview, "");
  } else {
    none_ = true;
  }
}

AdmissionReviewParser::Place AdmissionReviewParser::place_of_member(std::string_view name) const {
  const Open& parent = open_.back();
  bool unwanted = parent.place == Place::kLabels && !parent.members.empty() && !name.contains(labels_with_);
  return unwanted ? Place::kSkipped : place_of(parent.place, name, whole_);
}

void AdmissionReviewParser::enter(Place place, std::string name) {
  cursor_.enter_object();
  Open& open = open_.emplace_back(std::move(name), place, json::Object());
  open.members.reserve(kMembers);
}

bool AdmissionReviewParser::step(size_t budget) {
  size_t stop = cursor_.position() + std::min(budget, std::numeric_limits<size_t>::max() - cursor_.position());
  while (!open_.empty() && !error_ && !cursor_.failed()) {
    if (passing_) {
      if (!cursor_.pass_value(stop - std::min(stop, cursor_.position()))) return false;
      passing_ = false;
      if (!cursor_.failed() && wanted_ != Place::kSkipped) keep();
      continue;
    }
    if (cursor_.position() >= stop) return false;
    auto name = cursor_.next_name();
    if (!name) {
      if (!cursor_.failed()) leave();
      continue;
    }
    wanted_ = place_of_member(*name);
    if (wanted_ != Place::kSkipped && wanted_ != Place::kWhole && cursor_.peek() == '{') {
      enter(wanted_, std::move(*name));
    } else {
      name_ = std::move(*name);
      passing_ = true;
    }
  }
  return true;
}

// The value that was just passed.
void AdmissionReviewParser::keep() {
  // An array where an object belongs has no members of note.
  bool whole = wanted_ == Place::kWhole || wanted_ == Place::kStrings || wanted_ == Place::kLabels;
  bool empty = !whole && cursor_.value().starts_with('[');
  auto value = empty ? json::Value(json::Array()) : json::parse(cursor_.value());
  if (value) {
    open_.back().members.emplace_back(std::move(name_), std::move(*value));
  } else {
    error_ = value.error();
  }
}

void AdmissionReviewParser::leave() {
  Open done = std::move(open_.back());
  open_.pop_back();
  json::keep_last_of_each_name(done.members);
  if (open_.empty()) {
    review_ = std::move(done.members);
  } else {
    open_.back().members.emplace_back(std::move(done.name), std::move(done.members));
  }
}

Result<AdmissionRequest> AdmissionReviewParser::take() {
  bool at_end = cursor_.peek() == '\0';
  if (none_ && !at_end) return invalid("is no JSON object");
  std::string_view why;
  if (error_) {
    why = error_->message;
  } else if (none_) {
    why = "it is empty";
  } else if (cursor_.failed() && at_end) {
    why = "it ends too early";
  } else if (cursor_.failed() || !at_end) {
    why = "unexpected character";
  }
  if (!why.empty()) {
    return invalid("not valid JSON before offset " + std::to_string(cursor_.position()) + ": " + std::string(why));
  }
  json::Value* review = &review_;
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
  if (object && whole_ == WholeObject::kKeep) result.object = std::move(*object);
  return result;
}

Result<AdmissionRequest> parse_admission_review(std::string_view body, WholeObject whole) {
  AdmissionReviewParser parser(body, whole);
  while (!parser.step(body.size())) {
  }
  return parser.take();
}

AdmissionResponse allow() {
  return {};
}

AdmissionResponse allow_with_patch(std::string patch) {
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

// Written piece by piece: a tree of values for a few members is most of what an answer would cost.
std::string to_body(const AdmissionResponse& response, std::string_view uid) {
  std::string body = R"({"kind":")";
  body.append(kKind).append(R"(","apiVersion":")").append(kApiVersion).append(R"(","response":{"uid":)");
  body += json::to_string(uid);
  body += response.allowed ? R"(,"allowed":true)" : R"(,"allowed":false)";
  if (!response.patch.empty() && response.patch != "[]") {
    body.append(R"(,"patch":")").append(to_base64(response.patch)).append(R"(","patchType":"JSONPatch")");
  }
  if (response.status) body.append(R"(,"status":)").append(json::to_string(to_json(*response.status)));
  if (!response.warnings.empty()) {
    json::Value warnings = json::Array();
    for (const auto& warning : response.warnings) warnings.push_back(warning);
    body.append(R"(,"warnings":)").append(json::to_string(warnings));
  }
  return body + "}}";
}

}  // namespace ringside::kube
