// What the assignment webhook does with one admission review, apart from TLS and HTTP: scan it, look the shard up,
// write the answer.
#include <benchmark/benchmark.h>

#include <string>
#include <variant>
#include <vector>

#include "central/assignment.h"
#include "kube/admission_review.h"

namespace ringside::central {
namespace {

// A review of the create of a ConfigMap of about `size` bytes, with many small members.
std::string review_of(size_t size) {
  std::string data;
  for (int i = 0; data.size() + 900 < size; ++i) {
    data +=
        (i ? "," : "") + std::string(R"("key-)") + std::to_string(i) + R"(":"some text, \"quoted\", of usual length")";
  }
  return R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"0df28fbd-5f5f-11e8-bc74-36e6bb280816",)"
         R"("kind":{"group":"","version":"v1","kind":"ConfigMap"},"resource":{"group":"","version":"v1","resource":"configmaps"},)"
         R"("name":"foo","namespace":"default","operation":"CREATE","userInfo":{"username":"system:serviceaccount:default:a",)"
         R"("groups":["system:authenticated"],"extra":{"authentication.kubernetes.io/pod-name":["a-1"]}},)"
         R"("object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"foo","namespace":"default","labels":{"app":"x"},)"
         R"("managedFields":[{"manager":"m","operation":"Update","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{)" +
         data + R"(}},"oldObject":null,"dryRun":false,"options":{"fieldManager":"kubectl"}}})";
}

sharding::ControllerRing example_ring() {
  sharding::ControllerRing ring;
  ring.meta.name = "example";
  ring.spec.resources = {{.resource = {"", "configmaps"}, .controlled = {}}};
  return ring;
}

ring::Ring ring_of(int shards) {
  std::vector<std::string> names;
  for (int i = 0; i < shards; ++i) names.push_back("shard-" + std::to_string(i));
  return ring::Ring(names);
}

void answer_review(benchmark::State& state) {
  std::string body = review_of(size_t(state.range(0)));
  ring::Ring shards = ring_of(int(state.range(1)));
  auto ring = example_ring();
  for (auto _ : state) {
    auto review = kube::parse_admission_review(body);
    AdmissionInput input{.resource = {review->resource.group, review->resource.resource},
                         .kind = review->kind.kind,
                         .operation = "CREATE",
                         .field_manager = review->field_manager,
                         .pod = "",
                         .object = *review->object_meta,
                         .old_object = std::nullopt};
    auto decision = decide_assignment(input, ring, {}, shards, 1);
    benchmark::DoNotOptimize(kube::to_body(kube::allow_with_patch(std::get<Assign>(decision).patch), review->uid));
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(body.size()));
}
BENCHMARK(answer_review)
    ->ArgNames({"bytes", "shards"})
    ->Args({1536, 3})
    ->Args({1536, 100})
    ->Args({1536, 1000})
    ->Args({100 << 10, 3})
    ->Args({3 << 20, 3})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ringside::central
