#include "sidecar/options.h"

#include <gtest/gtest.h>

namespace ringside::sidecar {
namespace {

ParsedOptions parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ringside-sidecar");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  return parse_options(int(argv.size()), argv.data());
}

const std::vector<std::string> kMinimum = {"--ring=r", "--shard=s", "--namespace=n", "--state-dir=/tmp/state"};

std::vector<std::string> minimum_and(const std::string& argument) {
  auto arguments = kMinimum;
  arguments.push_back(argument);
  return arguments;
}

TEST(SidecarOptions, HasDefaults) {
  auto [options, exit_code] = parse(kMinimum);
  ASSERT_TRUE(options);
  EXPECT_EQ(exit_code, 0);
  EXPECT_EQ(options->listen.host, "127.0.0.1");
  EXPECT_EQ(options->listen.port, 16443);
  EXPECT_EQ(options->status_listen.host, "::");
  EXPECT_EQ(options->status_listen.port, 16480);
  EXPECT_EQ(options->grace, std::chrono::seconds(3));
  EXPECT_EQ(options->quiet_window, std::chrono::milliseconds(150));
  EXPECT_EQ(options->election.mode, ElectionOptions::Mode::kAuto);
  EXPECT_FALSE(options->unsafe_handover);
}

TEST(SidecarOptions, ReadsThem) {
  auto arguments = kMinimum;
  for (auto text :
       {"--listen=[::1]:1", "--also-listen=127.0.0.1:443", "--view=secrets=all", "--view=deployments.apps=all",
        "--metrics=https://localhost:8443/metrics", "--leader-election=kube-system/lock", "--grace-period=1m",
        "--log-level=debug", "--unsafe-handover"}) {
    arguments.emplace_back(text);
  }
  auto [options, exit_code] = parse(arguments);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->listen.host, "::1");
  EXPECT_TRUE(options->unsafe_handover);
  ASSERT_EQ(options->also_listen.size(), 1U);
  EXPECT_EQ(options->also_listen[0].port, 443);
  EXPECT_EQ(options->all_views, (std::vector<kube::GroupResource>{{"", "secrets"}, {"apps", "deployments"}}));
  EXPECT_EQ(options->election.name, (kube::NamespacedName{"kube-system", "lock"}));
  EXPECT_EQ(options->grace, std::chrono::minutes(1));
  ASSERT_TRUE(options->metrics);
  EXPECT_EQ(options->metrics->port, 8443);
}

TEST(SidecarOptions, RefusesWhatItCannotUse) {
  for (auto text :
       {"--ring=Not_A_Name", "--shard=Not_A_Name", "--listen=nowhere", "--listen=127.0.0.1:70000", "--view=secrets",
        "--view==all", "--leader-election=maybe", "--leader-election=a/b/c", "--grace-period=6m", "--quiet-window=-1s",
        "--log-level=loud", "--metrics=127.0.0.1:8080", "--metrics=http://10.0.0.1/metrics", "--unknown=1"}) {
    auto [options, exit_code] = parse(minimum_and(text));
    EXPECT_FALSE(options) << text;
    EXPECT_NE(exit_code, 0) << text;
  }
  EXPECT_FALSE(parse(minimum_and("--shard=" + std::string(64, 's'))).options) << "no label takes it";
  EXPECT_NE(parse({"--ring=r"}).exit_code, 0) << "the others are required";
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_EQ(parse({"--version"}).exit_code, 0);
}

ParsedRedirectOptions parse_redirect(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "redirect");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  return parse_redirect_options(int(argv.size()), argv.data());
}

TEST(RedirectOptions, HaveDefaultsAndLimits) {
  auto [options, exit_code] = parse_redirect({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->to_port, 16443);
  EXPECT_EQ(options->except_uid, 16443u);
  EXPECT_EQ(parse_redirect({"--to-port=1", "--except-uid=2", "--nft=/nft"}).options->nft, "/nft");
  for (const char* wrong : {"--to-port=65536", "--to-port=x", "--except-uid=-1", "--ring=r"}) {
    EXPECT_NE(parse_redirect({wrong}).exit_code, 0) << wrong;
  }
}

}  // namespace
}  // namespace ringside::sidecar
