#include "kube/lease.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include "base/rfc3339.h"
#include "kube/envelope.h"
#include "kube/kube.pb.h"

namespace ringside::kube {
namespace {

constexpr std::string_view kApiVersion = "coordination.k8s.io/v1";
constexpr std::string_view kKind = "Lease";

std::unexpected<Error> invalid(std::string_view field, std::string_view why) {
  return failure(ErrorKind::kInvalid, "Lease " + std::string(field) + ": " + std::string(why));
}

Result<void> check_type(std::string_view api_version, std::string_view kind) {
  if (!kind.empty() && kind != kKind) return invalid("kind", "is '" + std::string(kind) + "'");
  if (!api_version.empty() && !api_version.starts_with("coordination.k8s.io/")) {
    return invalid("apiVersion", "is '" + std::string(api_version) + "'");
  }
  return {};
}

// What RFC 3339 can show: the years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

bool is_showable(int64_t second) {
  return second >= kFirstSecond && second <= kLastSecond;
}

bool is_showable(WallTime time) {
  return is_showable(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

// --- JSON ---

// Reads the members of a spec; remembers the first that is wrong. Members that are missing or null leave the target.
class SpecReader {
 public:
  explicit SpecReader(const json::Value& spec) : spec_(spec) {}

  void read(std::string_view name, std::optional<std::string>& target) {
    if (const json::Value* value = present(name)) {
      const std::string* text = value->as_string();
      if (!text) return fail(name, "is no string");
      target = *text;
    }
  }

  void read(std::string_view name, std::optional<int32_t>& target) {
    if (const json::Value* value = present(name)) {
      const int64_t* number = value->as_int();
      if (!number || *number != int32_t(*number)) return fail(name, "is no 32-bit integer");
      target = int32_t(*number);
    }
  }

  void read(std::string_view name, std::optional<WallTime>& target) {
    if (const json::Value* value = present(name)) {
      const std::string* text = value->as_string();
      auto time = parse_rfc3339(text ? *text : "");
      if (!time || !is_showable(*time)) return fail(name, "is no RFC 3339 time");
      target = *time;
    }
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  const json::Value* present(std::string_view name) const {
    const json::Value* value = spec_.find(name);
    return value && !value->is_null() ? value : nullptr;
  }

  void fail(std::string_view name, std::string_view why) {
    if (!error_) error_ = invalid("spec." + std::string(name), why).error();
  }

  const json::Value& spec_;
  std::optional<Error> error_;
};

// Sets the member, or removes it if there is no value.
template <typename T>
void put(json::Value& object, std::string_view name, const std::optional<T>& value) {
  if (value) {
    object[name] = *value;
  } else {
    object.erase(name);
  }
}

void put_time(json::Value& object, std::string_view name, const std::optional<WallTime>& time, bool micro) {
  if (time) {
    object[name] = micro ? to_rfc3339_micro(*time) : to_rfc3339(*time);
  } else {
    object.erase(name);
  }
}

void put_text(json::Value& object, std::string_view name, const std::string& text) {
  put(object, name, text.empty() ? std::nullopt : std::optional(text));
}

void put_metadata(json::Value& object, const ObjectMeta& meta) {
  if (!object.is_object()) object = json::Object();
  put_text(object, "name", meta.name);
  put_text(object, "generateName", meta.generate_name);
  put_text(object, "namespace", meta.ns);
  put_text(object, "uid", meta.uid);
  put_text(object, "resourceVersion", meta.resource_version);
  put(object, "generation", meta.generation ? std::optional(meta.generation) : std::nullopt);
  put_time(object, "creationTimestamp", meta.creation_timestamp, false);
  put_time(object, "deletionTimestamp", meta.deletion_timestamp, false);
  for (std::string_view name : {"labels", "annotations", "ownerReferences", "finalizers"}) object.erase(name);
  if (!meta.labels.empty()) object["labels"] = to_json(meta.labels);
  if (!meta.annotations.empty()) object["annotations"] = to_json(meta.annotations);
  for (const auto& reference : meta.owner_references) object["ownerReferences"].push_back(to_json(reference));
  for (const auto& finalizer : meta.finalizers) object["finalizers"].push_back(finalizer);
}

// --- protobuf ---

// nullopt for the zero time and for one that is out of range; the latter sets `bad`.
std::optional<WallTime> from_pb(bool has, const pb::Time& time, bool& bad) {
  if (!has || (!time.has_seconds() && !time.has_nanos())) return std::nullopt;
  if (!is_showable(time.seconds()) || time.nanos() < 0 || time.nanos() > 999'999'999) {
    bad = true;
    return std::nullopt;
  }
  return WallTime(std::chrono::seconds(time.seconds()) + std::chrono::microseconds(time.nanos() / 1000));
}

void to_pb(WallTime time, pb::Time& result) {
  auto second = std::chrono::floor<std::chrono::seconds>(time);
  result.set_seconds(second.time_since_epoch().count());
  result.set_nanos(int32_t((time - second).count() * 1000));
}

ObjectMeta from_pb(const pb::ObjectMeta& from, bool& bad) {
  ObjectMeta meta;
  meta.name = from.name();
  meta.generate_name = from.generate_name();
  meta.ns = from.namespace_();
  meta.uid = from.uid();
  meta.resource_version = from.resource_version();
  meta.generation = from.generation();
  meta.labels.insert(from.labels().begin(), from.labels().end());
  meta.annotations.insert(from.annotations().begin(), from.annotations().end());
  for (const auto& each : from.owner_references()) {
    meta.owner_references.push_back(
        {each.api_version(), each.kind(), each.name(), each.uid(), each.controller(), each.block_owner_deletion()});
  }
  meta.finalizers.assign(from.finalizers().begin(), from.finalizers().end());
  meta.creation_timestamp = from_pb(from.has_creation_timestamp(), from.creation_timestamp(), bad);
  meta.deletion_timestamp = from_pb(from.has_deletion_timestamp(), from.deletion_timestamp(), bad);
  return meta;
}

// The fields of `to` that ObjectMeta does not know stay.
void to_pb(const ObjectMeta& meta, pb::ObjectMeta& to) {
  to.set_name(meta.name);
  to.set_generate_name(meta.generate_name);
  to.set_namespace_(meta.ns);
  to.set_uid(meta.uid);
  to.set_resource_version(meta.resource_version);
  to.set_generation(meta.generation);
  to.clear_labels();
  for (const auto& [key, value] : meta.labels) (*to.mutable_labels())[key] = value;
  to.clear_annotations();
  for (const auto& [key, value] : meta.annotations) (*to.mutable_annotations())[key] = value;
  to.clear_owner_references();
  for (const auto& each : meta.owner_references) {
    pb::OwnerReference& reference = *to.add_owner_references();
    reference.set_api_version(each.api_version);
    reference.set_kind(each.kind);
    reference.set_name(each.name);
    reference.set_uid(each.uid);
    if (each.controller) reference.set_controller(true);
    if (each.block_owner_deletion) reference.set_block_owner_deletion(true);
  }
  to.clear_finalizers();
  for (const auto& finalizer : meta.finalizers) to.add_finalizers(finalizer);
  to.clear_creation_timestamp();
  to.mutable_creation_timestamp();  // the API server writes an empty one for the zero time
  if (meta.creation_timestamp) to_pb(*meta.creation_timestamp, *to.mutable_creation_timestamp());
  to.clear_deletion_timestamp();
  if (meta.deletion_timestamp) to_pb(*meta.deletion_timestamp, *to.mutable_deletion_timestamp());
}

Result<Lease> parse_protobuf(std::string_view body) {
  auto envelope = open_envelope(body);
  if (!envelope) return failure(envelope.error());
  if (auto checked = check_type(envelope->api_version, envelope->kind); !checked) return failure(checked.error());
  google::protobuf::LogSilencer silencer;  // foreign bytes do not write to our log
  pb::Lease message;
  if (!message.ParseFromString(envelope->raw)) return invalid("body", "malformed protobuf");
  const pb::LeaseSpec& spec = message.spec();
  bool bad_time = false;
  Lease lease;
  lease.metadata = from_pb(message.metadata(), bad_time);
  if (spec.has_holder_identity()) lease.holder_identity = spec.holder_identity();
  if (spec.has_lease_duration_seconds()) lease.lease_duration_seconds = spec.lease_duration_seconds();
  lease.acquire_time = from_pb(spec.has_acquire_time(), spec.acquire_time(), bad_time);
  lease.renew_time = from_pb(spec.has_renew_time(), spec.renew_time(), bad_time);
  if (spec.has_lease_transitions()) lease.lease_transitions = spec.lease_transitions();
  if (spec.has_strategy()) lease.strategy = spec.strategy();
  if (spec.has_preferred_holder()) lease.preferred_holder = spec.preferred_holder();
  if (bad_time) return invalid("body", "a time is out of range");
  lease.protobuf_origin = std::move(envelope->raw);
  return lease;
}

// Maps are written in the order of their keys, so that equal messages are equal bytes.
std::string serialize(const pb::Lease& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string to_protobuf(const Lease& lease) {
  pb::Lease message;
  if (!message.ParseFromString(lease.protobuf_origin)) message.Clear();
  to_pb(lease.metadata, *message.mutable_metadata());
  pb::LeaseSpec& spec = *message.mutable_spec();
  spec.clear_holder_identity();
  if (lease.holder_identity) spec.set_holder_identity(*lease.holder_identity);
  spec.clear_lease_duration_seconds();
  if (lease.lease_duration_seconds) spec.set_lease_duration_seconds(*lease.lease_duration_seconds);
  spec.clear_acquire_time();
  if (lease.acquire_time) to_pb(*lease.acquire_time, *spec.mutable_acquire_time());
  spec.clear_renew_time();
  if (lease.renew_time) to_pb(*lease.renew_time, *spec.mutable_renew_time());
  spec.clear_lease_transitions();
  if (lease.lease_transitions) spec.set_lease_transitions(*lease.lease_transitions);
  spec.clear_strategy();
  if (lease.strategy) spec.set_strategy(*lease.strategy);
  spec.clear_preferred_holder();
  if (lease.preferred_holder) spec.set_preferred_holder(*lease.preferred_holder);
  return to_body(Envelope{std::string(kApiVersion), std::string(kKind), serialize(message)});
}

}  // namespace

Result<Lease> lease_from_json(const json::Value& value) {
  if (!value.is_object()) return invalid("body", "is no JSON object");
  if (auto checked = check_type(value.string_at({"apiVersion"}), value.string_at({"kind"})); !checked) {
    return failure(checked.error());
  }
  Lease lease;
  if (const json::Value* metadata = value.find("metadata"); metadata && !metadata->is_null()) {
    if (!metadata->is_object()) return invalid("metadata", "is no JSON object");
    lease.metadata = parse_object_meta(*metadata);
  }
  if (const json::Value* spec = value.find("spec"); spec && !spec->is_null()) {
    if (!spec->is_object()) return invalid("spec", "is no JSON object");
    SpecReader reader(*spec);
    reader.read("holderIdentity", lease.holder_identity);
    reader.read("leaseDurationSeconds", lease.lease_duration_seconds);
    reader.read("acquireTime", lease.acquire_time);
    reader.read("renewTime", lease.renew_time);
    reader.read("leaseTransitions", lease.lease_transitions);
    reader.read("strategy", lease.strategy);
    reader.read("preferredHolder", lease.preferred_holder);
    if (reader.error()) return failure(*reader.error());
  }
  lease.json_origin = value;
  return lease;
}

Result<Lease> parse_lease(std::string_view body, Encoding encoding) {
  if (encoding == Encoding::kProtobuf) return parse_protobuf(body);
  auto value = json::parse(body);
  if (!value) return failure(value.error());
  return lease_from_json(*value);
}

json::Value to_json(const Lease& lease) {
  json::Value value = json::Value::object({{"kind", kKind}, {"apiVersion", kApiVersion}, {"metadata", json::Object()}});
  if (lease.json_origin.is_object()) value = lease.json_origin;
  value["kind"] = kKind;
  value["apiVersion"] = kApiVersion;
  put_metadata(value["metadata"], lease.metadata);
  json::Value& spec = value["spec"];
  if (!spec.is_object()) spec = json::Object();
  put(spec, "holderIdentity", lease.holder_identity);
  put(spec, "leaseDurationSeconds", lease.lease_duration_seconds);
  put_time(spec, "acquireTime", lease.acquire_time, true);
  put_time(spec, "renewTime", lease.renew_time, true);
  put(spec, "leaseTransitions", lease.lease_transitions);
  put(spec, "strategy", lease.strategy);
  put(spec, "preferredHolder", lease.preferred_holder);
  return value;
}

std::string to_body(const Lease& lease, Encoding encoding) {
  return encoding == Encoding::kProtobuf ? to_protobuf(lease) : json::to_string(to_json(lease));
}

}  // namespace ringside::kube
