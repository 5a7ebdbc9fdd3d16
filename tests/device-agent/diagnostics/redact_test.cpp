// What must not leave a device, in every dress it comes in; and what must, since people look for it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "device-agent/diagnostics/redact.h"

namespace kelpie::agent {
namespace {

struct Row {
  std::string in;
  std::string out;
};

// A body of 64 characters of base64, as a line of a PEM block has it.
constexpr std::string_view kBase64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

std::vector<Row> secrets() {
  const std::string base64(kBase64);
  return {
      {"password: hunter2 and more\nuser: ana\n", "password: [redacted]\nuser: ana\n"},
      {"DB_PASSWORD=hunter2 USER=ana", "DB_PASSWORD=[redacted] USER=ana"},
      {R"({"password":"hun\"ter2","user":"ana"})", R"({"password":"[redacted]","user":"ana"})"},
      {R"({"apiKey" : "k-1234" , "a":1})", R"({"apiKey" : "[redacted]" , "a":1})"},
      {R"(msg="{\"token\":\"abc\",\"a\":1}")", R"(msg="{\"token\":\"[redacted]\",\"a\":1}")"},
      {"kubelet --token abc.def --v 2", "kubelet --token [redacted] --v 2"},
      {"kubelet --token=abc.def --v=2", "kubelet --token=[redacted] --v=2"},
      {"client-key-data: TFMwdExTMUNSVWRKVGlC", "client-key-data: [redacted]"},
      {"auth = 'dXNlcjpwYXNz'\n", "auth = '[redacted]'\n"},
      {R"(identitytoken = "x y")", R"(identitytoken = "[redacted]")"},
      {R"({"name":"DB_PASSWORD","value":"hunter2"})", R"({"name":"DB_PASSWORD","value":"[redacted]"})"},
      {"      DB_SECRET:  hunter2\n", "      DB_SECRET:  [redacted]\n"},
      {"secrets = [a, b] rest", "secrets = [redacted] rest"},
      {"Authorization: Basic dXNlcjpwYXNz\r\nHost: a", "Authorization: [redacted]\nHost: a"},
      {"got header bearer abcdef.123-4 from a", "got header bearer [redacted] from a"},
      {"Bearer abcdef123456", "Bearer [redacted]"},
      {"HTTPS_PROXY=http://ana:hunter2@proxy:3128/x", "HTTPS_PROXY=http://[redacted]@proxy:3128/x"},
      {"from https://ana:hun/ter2@host/x.git", "from https://[redacted]@host/x.git"},
      {"https://token@host/x", "https://[redacted]@host/x"},
      {"a -----BEGIN RSA PRIVATE KEY-----\n" + base64 + "\n-----END RSA PRIVATE KEY-----\nb", "a [redacted]\nb"},
      {"a -----BEGIN PRIVATE KEY-----\n" + base64 + "\ncut off", "a [redacted]"},
      {"first line is gone\n" + base64 + "\n-----END PRIVATE KEY-----",
       "first line is gone\n[redacted]\n-----END PRIVATE KEY-----"},
      {"t eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2ln u", "t [redacted] u"},
      {"join 10.0.0.1:25000/92b2db237428470dc4fcfc4ebbd9dc81/2c0cb3284b05", "join 10.0.0.1:25000/[redacted]"},
      {base64, "[redacted]"},
  };
}

const std::vector<std::string>& harmless() {
  static const std::vector<std::string> texts = {
      "image docker.io/nodered/node-red@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      "--service-account-key-file=/var/snap/microk8s/7890/certs/serviceaccount.key",
      "--token-auth-file=/var/snap/microk8s/current/credentials/known_tokens.csv",
      "MountVolume.SetUp failed for volume \"kiosk\" : secret \"kiosk-login\" not found",
      R"({"secretName":"kiosk-login","tokenExpirationSeconds":3607})",
      R"({"serviceAccountToken":{"path":"token"}})",
      "https://registry.k8s.io:5000/pause@sha256:1ff6",
      "pod default/nodered-5d8f7c9b6-x7k2p uid 0f5b2c1e-8a3d-4f7a-9c55-2a1b3c4d5e6f",
      "/var/snap/microk8s/common/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1234/fs",
      "attempt 01JD0000000000000000000000/000102030405060708090a0b0c0d0e0f/1 of 01KB3ZDDRFSSY24RPZHKWEZTAN",
      "invalid token",
      "password: null",
      R"({"token":true})",
      "ana@example.com wrote: keys are gone",
  };
  return texts;
}

TEST(Redaction, TakesSecretsAndLeavesWhatStandsBesideThem) {
  for (const Row& row : secrets()) EXPECT_EQ(redact(row.in), row.out);
}

TEST(Redaction, LeavesWhatPeopleLookFor) {
  for (const std::string& text : harmless()) EXPECT_EQ(redact(text), text);
}

// Whatever stands before and behind, in one line or in many: nothing of a secret shows, and a second pass finds none.
TEST(Redaction, HoldsInAnyCompanyAndLeavesNothingForASecondPass) {
  const std::vector<std::string> gaps = {"\n", " ", "\t", "\n---\n", " | "};
  for (const Row& row : secrets()) {
    for (const std::string& beside : harmless()) {
      for (const std::string& gap : gaps) {
        const std::string once = redact(beside + gap + row.in + gap + beside);
        EXPECT_EQ(once, redact(once)) << once;
        for (const char* const word : {"hunter2", "hun/ter2", "ter2\",", "abc.def", "k-1234", "dXNlcjpwYXNz", "TFMwdEx",
                                       "92b2db23", "MIIEvQIB", "eyJhbGci"}) {
          EXPECT_EQ(once.find(word), std::string::npos) << once;
        }
      }
    }
  }
}

TEST(Redaction, OfAnythingEndsAndGrowsLittle) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += static_cast<char>((i * 7'919 + i / 251) % 256);
  for (std::size_t size : {0UL, 1UL, 2UL, 3UL, 100UL, 4'096UL, text.size()}) {
    EXPECT_LE(redact(std::string_view(text).substr(0, size)).size(), 11 * size);
  }
  EXPECT_EQ(redact("password="), "password=");
  EXPECT_EQ(redact("token:"), "token:");
  EXPECT_EQ(redact("://"), "://");
}

}  // namespace
}  // namespace kelpie::agent
