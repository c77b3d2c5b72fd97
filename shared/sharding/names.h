// Every name of the wire protocol (protocol.md, "Names"), in one place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ringside::sharding {

inline constexpr std::string_view kSystemNamespace = "sharding-system";
// Deployment, Service and leader election Lease of central.
inline constexpr std::string_view kSharderName = "sharder";

inline constexpr std::string_view kApiGroup = "sharding.timebertt.dev";
inline constexpr std::string_view kApiVersion = "sharding.timebertt.dev/v1alpha1";
inline constexpr std::string_view kControllerRingKind = "ControllerRing";
inline constexpr std::string_view kControllerRingResource = "controllerrings";

// Labels on shard Leases, webhook configurations and injected pods; the value is the ring's name.
inline constexpr std::string_view kRingLabel = "alpha.sharding.timebertt.dev/controllerring";
// Label on shard Leases, set by central alone: a ShardState (lease_state.h).
inline constexpr std::string_view kStateLabel = "alpha.sharding.timebertt.dev/state";
inline constexpr std::string_view kShardLabelPrefix = "shard.alpha.sharding.timebertt.dev/";
inline constexpr std::string_view kDrainLabelPrefix = "drain.alpha.sharding.timebertt.dev/";
inline constexpr std::string_view kDrainLabelValue = "true";

// Annotations of a ControllerRing: enforce, warn or off.
inline constexpr std::string_view kFenceAnnotation = "alpha.sharding.timebertt.dev/fence";
inline constexpr std::string_view kLabelProtectionAnnotation = "alpha.sharding.timebertt.dev/label-protection";
// Annotation of a ControllerRing: "<namespace>/<name>,...", ServiceAccounts of shards that do not say theirs.
inline constexpr std::string_view kFenceServiceAccountsAnnotation =
    "alpha.sharding.timebertt.dev/fence-serviceaccounts";
// Annotation of a shard Lease: the name of the ServiceAccount, in the Lease's namespace, as which the shard writes.
inline constexpr std::string_view kServiceAccountAnnotation = "alpha.sharding.timebertt.dev/serviceaccount";
// Annotations of a ring's ValidatingAdmissionPolicyBinding, central's memory: the ServiceAccounts for which the fence
// is in force, and those that shards have said at some time.
inline constexpr std::string_view kFenceInForceAnnotation = "alpha.sharding.timebertt.dev/fence-in-force";
inline constexpr std::string_view kFenceShardsAnnotation = "alpha.sharding.timebertt.dev/fence-of-shards";
// Annotations of pods. The first asks for a sidecar and names the ring; all options have the same prefix.
inline constexpr std::string_view kSidecarAnnotationPrefix = "sidecar.alpha.sharding.timebertt.dev/";
inline constexpr std::string_view kSidecarRingAnnotation = "sidecar.alpha.sharding.timebertt.dev/controllerring";

// The holder of a Lease that central has taken from a lost shard.
inline constexpr std::string_view kTakenLeaseHolder = "shardlease-controller";

inline constexpr std::string_view kAppLabel = "app.kubernetes.io/name";
inline constexpr std::string_view kAppLabelValue = "controller-sharding";
inline constexpr std::string_view kWebhookName = "sharder.sharding.timebertt.dev";
inline constexpr std::string_view kWebhookPathPrefix = "/webhooks/sharder/controllerring/";

// Field managers. The sidecar's tells the webhook that a shard label was removed on purpose; so does central's.
inline constexpr std::string_view kSidecarFieldManager = "sharding-sidecar";
inline constexpr std::string_view kCentralFieldManager = "controllersharding";
// For what central applies for a ring: the reference's manager, so that fields which the reference wrote and we do not
// are removed when we take over.
inline constexpr std::string_view kApplyFieldManager = "controllerring-controller";

// Label on objects that holds the name of their shard in the ring.
std::string shard_label(std::string_view ring);
// Label on objects that their shard is to hand over.
std::string drain_label(std::string_view ring);

// "controllerring-<ring>": the MutatingWebhookConfiguration of the ring.
std::string webhook_configuration_name(std::string_view ring);

// "controllerring-<ring>" and "controllerringlabels-<ring>": the ring's ValidatingAdmissionPolicies and their bindings,
// the fence and the protection of labels. Not "controllerring-<ring>-labels": a ring "x-labels" may exist beside "x".
std::string fence_policy_name(std::string_view ring);
std::string label_policy_name(std::string_view ring);

// "/webhooks/sharder/controllerring/<ring>".
std::string webhook_path(std::string_view ring);
// The ring of a request's path (without query), or nullopt if it is no such path. The view is into the path.
std::optional<std::string_view> ring_of_webhook_path(std::string_view path);

// "controllerring/<ring>": the identity under which the sidecars of a ring hold the controller's own election Lease.
std::string election_identity(std::string_view ring);

// A ring's name is the name of a cluster-scoped object (DNS-1123 subdomain: lower-case letters, digits, '-' and '.',
// each part begins and ends with a letter or digit), a label value and the end of a label key: at most 63 characters.
// kInvalid says what is allowed.
Result<void> validate_ring_name(std::string_view name);

// A shard's name is the name of its Lease and its pod, and the value of the label on its objects, which takes no more
// characters.
inline constexpr size_t kMaxShardName = 63;
// kInvalid says what is allowed: a DNS-1123 subdomain, as of a pod, of at most kMaxShardName characters.
Result<void> validate_shard_name(std::string_view name);

}  // namespace ringside::sharding
