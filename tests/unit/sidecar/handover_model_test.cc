// Random interleavings of everything that can happen to draining objects, and what must hold when nothing more does.
#include "tests/unit/sidecar/handover_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace ringside::sidecar {
namespace {

using namespace std::chrono_literals;

void random_rare_step(HandoverModel& model) {
  HandoverWorld& world = model.world();
  switch (world.pick(9)) {
    case 0: model.list_drains(); break;
    case 1: model.list_children(); break;
    case 2: model.begin_list_of_children(); break;
    case 3: model.shard().kill_controller(); break;
    case 4: model.shard().expect_proof(world.pick(2) != 0); break;
    case 5:
      if (world.pick(4) == 0) model.restart_sidecar();
      break;
    case 6: world.now += 11s; break;
    case 7: model.answer_search(); break;
    default:
      if (world.pick(4) == 0) world.now += 21min;
  }
}

void random_step(HandoverModel& model) {
  HandoverWorld& world = model.world();
  HandoverShard& shard = model.shard();
  switch (world.pick(24)) {
    case 0:
    case 1:
    case 2: world.run_central(); break;
    case 3:
    case 4: model.begin_write(); break;
    case 5:
    case 6: shard.end_write(); break;
    case 7:
    case 8: model.deliver_drain(); break;
    case 9:
    case 10: model.deliver_child(); break;
    case 11:
    case 12: model.process_request(); break;
    case 13:
    case 14: model.answer_request(); break;
    case 15: world.now += std::chrono::milliseconds(world.pick(400)); break;
    case 16:
      if (model.awaits_children()) model.list_children();
      break;
    case 17: random_rare_step(model); break;
    case 18: shard.begin_reconcile(); break;
    case 19: shard.end_reconcile(); break;
    case 20:
      if (shard.scraping()) {
        shard.end_scrape();
      } else if (shard.proof_expected()) {
        model.begin_scrape();
      }
      break;
    default: world.now += 20ms;
  }
}

// Everything that is under way arrives, and time passes until there is nothing to do.
void settle_round(HandoverModel& model) {
  HandoverWorld& world = model.world();
  HandoverShard& shard = model.shard();
  for (int i = 0; i < 400; ++i) {
    while (model.deliver_drain()) continue;
    if (model.awaits_children()) model.list_children();
    while (model.deliver_child()) continue;
    for (int k = 0; k < 8; ++k) model.process_request(), model.answer_request();
    model.answer_search();
    if (shard.proof_expected()) {
      if (!shard.scraping()) model.begin_scrape();
      shard.end_scrape();
    }
    model.step();
    std::optional<TimePoint> wake = shard.handover().next_wake(world.now);
    EXPECT_TRUE(!wake || *wake > world.now);
    if (model.requests() > 0) continue;
    if (!wake || *wake - world.now > 10min) return;
    world.now = *wake;
  }
}

// No more inputs: everything that drains ends with another shard, and what is ours is in service.
void settle(HandoverModel& model) {
  HandoverWorld& world = model.world();
  HandoverShard& shard = model.shard();
  world.end_faults();
  for (const ObjectRef& ref : HandoverWorld::all_mains()) world.sync(ref);
  if (world.pick(2) != 0) shard.expect_proof(!shard.proof_expected());
  settle_round(model);
  shard.end_writes();
  settle_round(model);
  // A try to write brings back what was handed over and came back.
  for (const ObjectRef& ref : HandoverWorld::all_mains()) {
    if (shard.fence().blocks(ref)) shard.handover().blocked(ref);
  }
  settle_round(model);
  for (const ObjectRef& ref : HandoverWorld::all_mains()) {
    const HandoverWorld::Object* object = world.find(ref);
    if (object == nullptr || object->shard != "a") continue;
    EXPECT_FALSE(object->draining) << ref.name << " was never acknowledged";
    EXPECT_FALSE(shard.fence().blocks(ref)) << ref.name << " is ours and fenced";
  }
  EXPECT_EQ(shard.handover().fenced() + shard.handover().waiting(), 0u);
  EXPECT_EQ(model.requests(), 0u);
}

TEST(HandoverModelTest, KeepsItsPromisesInEveryInterleaving) {
  constexpr uint32_t kSeeds = 1500;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    HandoverModel model(seed);
    for (int i = 0; i < 250 && !::testing::Test::HasFailure(); ++i) {
      random_step(model);
      model.step();
    }
    settle(model);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ringside::sidecar
