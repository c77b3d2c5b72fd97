// admission.k8s.io/v1 AdmissionReview: what the API server asks a webhook, and the webhook's answers. The objects in it
// may be large; of them only the metadata is built, the rest is scanned and forgotten.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_cursor.h"
#include "kube/meta.h"
#include "kube/status.h"

namespace ringside::kube {

// Key in UserInfo::extra of requests made with a pod's bound token.
inline constexpr std::string_view kPodNameExtra = "authentication.kubernetes.io/pod-name";

struct UserInfo {
  std::string name;  // "system:serviceaccount:<namespace>:<name>"
  std::map<std::string, std::vector<std::string>, std::less<>> extra;

  // The first value of that key; empty if there is none. The view lives as long as this is not changed.
  std::string_view extra_value(std::string_view key) const;
};

enum class Operation { kCreate, kUpdate, kDelete, kConnect };

struct GroupVersionKind {
  std::string group;
  std::string version;
  std::string kind;

  bool operator==(const GroupVersionKind&) const = default;
};

struct GroupVersionResource {
  std::string group;
  std::string version;
  std::string resource;

  bool operator==(const GroupVersionResource&) const = default;
};

struct AdmissionRequest {
  std::string uid;  // of the request; goes into the answer
  GroupVersionKind kind;
  GroupVersionResource resource;
  std::string sub_resource;
  std::string name;  // empty for a create with generateName
  std::string ns;
  Operation operation = Operation::kCreate;
  bool dry_run = false;
  std::string field_manager;  // options.fieldManager
  UserInfo user;
  // Absent where the API server sends null: object for DELETE, old_object for CREATE. Without annotations, of which
  // there may be 256 KiB, unless the whole object was asked for.
  std::optional<ObjectMeta> object_meta;
  std::optional<ObjectMeta> old_object_meta;
  // The whole object without metadata.managedFields; null unless it was asked for.
  json::Value object;
};

enum class WholeObject { kSkip, kKeep };

// The body of the webhook's request. kInvalid, with a message for people, if it is no JSON, no AdmissionReview of
// admission.k8s.io/v1, lacks request or uid, has an unknown operation, or is nested deeper than json::kMaxDepth where
// it is kept. What is skipped is not checked: the API server has read it.
Result<AdmissionRequest> parse_admission_review(std::string_view body, WholeObject whole = WholeObject::kSkip);

// The same in steps, for those who have others waiting: step() until it is true, then take().
class AdmissionReviewParser {
 public:
  // Of the labels, the first one and those whose keys contain `labels_with` are kept: an object may have a megabyte of
  // them. Body and text must outlive the parser.
  explicit AdmissionReviewParser(std::string_view body, WholeObject whole = WholeObject::kSkip,
                                 std::string_view labels_with = {});

  // Reads on, by about `budget` bytes at most. True at the end, or when the rest does not matter.
  bool step(size_t budget);
  Result<AdmissionRequest> take();

  // What a value is to the parser. kStrings: kept as kWhole is, but walked through, which for strings is cheaper.
  enum class Place {
    kSkipped,
    kWhole,
    kStrings,
    kLabels,
    kReview,
    kRequest,
    kObject,
    kWholeObject,
    kMetadata,
    kUser,
    kOptions
  };

 private:
  // An object that is kept, and not closed yet.
  struct Open {
    std::string name;  // of the member that it is
    Place place;
    json::Object members;
  };

  Place place_of_member(std::string_view name) const;
  void enter(Place place, std::string name);
  void keep();
  void leave();

  json::Cursor cursor_;
  WholeObject whole_;
  std::string_view labels_with_;
  std::vector<Open> open_;  // outermost first
  // Of the value that is being passed.
  bool passing_ = false;
  std::string name_;
  Place wanted_ = Place::kSkipped;

  bool none_ = false;  // it does not begin as an object
  std::optional<Error> error_;
  json::Value review_;
};

// An answer: allowed, allowed with a JSON patch, or denied.
struct AdmissionResponse {
  bool allowed = true;
  std::string patch;                  // a JSON patch (RFC 6902) as text; empty or "[]": none
  std::optional<Status> status;       // why it was denied
  std::vector<std::string> warnings;  // shown to the user by kubectl
};

AdmissionResponse allow();
AdmissionResponse allow_with_patch(std::string patch);
AdmissionResponse deny(int code, std::string message);

// The AdmissionReview around the response; uid is that of the request.
std::string to_body(const AdmissionResponse& response, std::string_view uid);

}  // namespace ringside::kube
