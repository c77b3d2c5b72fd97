#include "kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/base64.h"
#include "base/file.h"

namespace ringside::kube {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

// A folder that goes with the test.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest()
      : folder_(std::filesystem::temp_directory_path() / ("ringside-config-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    std::string path = folder_ / name;
    EXPECT_TRUE(write_file_atomically(path, text, 0600));
    return path;
  }
  Result<Config> load(std::string_view text) { return kubeconfig_config(write("config", text)); }

  std::filesystem::path folder_;
};

std::string kubeconfig(std::string cluster, std::string user, std::string context = "{cluster: c, user: u}") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts:\n- {name: other, context: {}}\n- name: x\n  "
         "context: " +
         context + "\nclusters:\n- name: c\n  cluster: " + cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

TEST_F(ConfigTest, KubeconfigWithDataInIt) {
  auto config = load(kubeconfig(
      "{server: 'https://10.0.0.1:6443', certificate-authority-data: " + to_base64("CA") + "}",
      "{client-certificate-data: " + to_base64("CERT") + ", client-key-data: " + to_base64("KEY") + ", token: secret}",
      "{cluster: c, user: u, namespace: ns}"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->host, "10.0.0.1");
  EXPECT_EQ(config->port, 6443);
  EXPECT_EQ(config->tls.ca_pem, "CA");
  EXPECT_EQ(config->ca_file, "");
  EXPECT_EQ(config->tls.identity.certificate_pem, "CERT");
  EXPECT_EQ(config->tls.identity.key_pem, "KEY");
  EXPECT_EQ(config->token, "secret");
  EXPECT_EQ(config->ns, "ns");
  EXPECT_FALSE(config->tls.insecure_skip_verify);
}

TEST_F(ConfigTest, KubeconfigWithFilesBesideIt) {
  write("ca.pem", "CA");
  write("cert.pem", "CERT");
  std::string key = write("key.pem", "KEY");
  auto config =
      load(kubeconfig("{server: https://api.example, certificate-authority: ca.pem, insecure-skip-tls-verify: true}",
                      "{client-certificate: cert.pem, client-key: '" + key + "', tokenFile: token}"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->host, "api.example");
  EXPECT_EQ(config->port, 443);
  EXPECT_EQ(config->ca_file, (folder_ / "ca.pem").string());
  EXPECT_EQ(config->tls.ca_pem, "CA");
  EXPECT_EQ(config->tls.identity.certificate_pem, "CERT");
  EXPECT_EQ(config->tls.identity.key_pem, "KEY");
  EXPECT_EQ(config->token_file, (folder_ / "token").string());
  EXPECT_EQ(config->ns, "default");
  EXPECT_TRUE(config->tls.insecure_skip_verify);
}

TEST_F(ConfigTest, ServersInAllForms) {
  struct Case {
    std::string server, host;
    int port;
  };
  const Case good[] = {
      {"https://h", "h", 443},
      {"https://h/", "h", 443},
      {"https://h:1", "h", 1},
      {"https://[::1]:6443", "::1", 6443},
      {"https://[fd00::1]", "fd00::1", 443},
      {"https://h:65535/", "h", 65535},
  };
  for (const Case& c : good) {
    auto config = load(kubeconfig("{server: '" + c.server + "'}", "{}"));
    ASSERT_TRUE(config) << c.server << config.error().message;
    EXPECT_EQ(config->host, c.host);
    EXPECT_EQ(config->port, c.port);
  }
  for (std::string bad : {"", "h", "http://h", "https://", "https://:1", "https:///", "https://h:0", "https://h:65536",
                          "https://h:x", "https://h:-1", "https://h/path", "https://[]"}) {
    auto config = load(kubeconfig("{server: '" + bad + "'}", "{}"));
    ASSERT_FALSE(config) << bad;
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalid);
  }
}

TEST_F(ConfigTest, KubeconfigErrorsSayWhatIsWrong) {
  const std::string cluster = "{server: 'https://h'}";
  const std::pair<std::string, std::string> cases[] = {
      {"", "current-context"},
      {"just text", "current-context"},
      {"[1, 2]", "current-context"},
      {"{", "config"},
      {"current-context: x", "'x'"},
      {"current-context: x\ncontexts: {}", "'x'"},
      {"current-context: x\ncontexts: [1, {name: x}]", "'x'"},
      {kubeconfig(cluster, "{}", "{cluster: nope, user: u}"), "'nope' in its clusters"},
      {kubeconfig(cluster, "{}", "{cluster: c, user: nope}"), "'nope' in its users"},
      {kubeconfig(cluster, "{}", "text"), "clusters"},
      {kubeconfig(cluster, "{exec: {command: aws}}"), "exec"},
      {kubeconfig(cluster, "{auth-provider: {name: gcp}}"), "auth-provider"},
      {kubeconfig(cluster, "{username: a, password: b}"), "username"},
      {kubeconfig(cluster, "{token: a, as: admin}"), "'as'"},
      {kubeconfig("{server: 'https://h', certificate-authority-data: '!'}", "{}"), "certificate-authority-data"},
      {kubeconfig("{server: 'https://h', certificate-authority: missing.pem}", "{}"), "missing.pem"},
      {kubeconfig(cluster, "{client-certificate: missing.pem}"), "missing.pem"},
  };
  for (const auto& [text, message] : cases) {
    auto config = load(text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr("kubeconfig")) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message)) << text;
  }
  EXPECT_EQ(kubeconfig_config(folder_ / "missing").error().kind, ErrorKind::kNotFound);
}

TEST_F(ConfigTest, InCluster) {
  EXPECT_EQ(in_cluster_config("", "443", folder_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(in_cluster_config("10.96.0.1", "", folder_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(in_cluster_config("10.96.0.1", "https", folder_).error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(in_cluster_config("10.96.0.1", "443", folder_).error().message, HasSubstr("ca.crt"));
  write("ca.crt", "CA");
  EXPECT_THAT(in_cluster_config("10.96.0.1", "443", folder_).error().message, HasSubstr("token"));
  write("token", "T");
  auto config = in_cluster_config("10.96.0.1", "443", folder_);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ns, "default");
  write("namespace", "ns");
  config = in_cluster_config("fd00::1", "6443", folder_);
  EXPECT_EQ(config->ns, "ns");
  EXPECT_EQ(config->host, "fd00::1");
  EXPECT_EQ(config->port, 6443);
  EXPECT_EQ(config->tls.ca_pem, "CA");
  EXPECT_EQ(config->token_file, (folder_ / "token").string());
}

TEST_F(ConfigTest, TokenFileIsReadAgainAfterAMinuteOrA401) {
  Config config;
  config.token_file = write("token", "one\n");
  auto credentials = Credentials::create(config);
  TimePoint start{};
  EXPECT_EQ(credentials->token(start), "one");
  write("token", "two");
  EXPECT_EQ(credentials->token(start + seconds(59)), "one");
  EXPECT_EQ(credentials->token(start + seconds(60)), "two");
  write("token", "three");
  credentials->expire();
  EXPECT_EQ(credentials->token(start + seconds(61)), "three");
  // The last good one, while the file is missing or empty.
  write("token", "\n");
  credentials->expire();
  EXPECT_EQ(credentials->token(start + seconds(62)), "three");
  std::filesystem::remove(config.token_file);
  EXPECT_EQ(credentials->token(start + seconds(300)), "three");
  write("token", "four");
  EXPECT_EQ(credentials->token(start + seconds(301)), "four");
}

TEST_F(ConfigTest, FixedTokenAndNone) {
  Config config;
  EXPECT_EQ(Credentials::create(config)->token({}), "");
  config.token = "fixed";
  auto credentials = Credentials::create(config);
  credentials->expire();
  EXPECT_EQ(credentials->token({}), "fixed");
}

}  // namespace
}  // namespace ringside::kube
