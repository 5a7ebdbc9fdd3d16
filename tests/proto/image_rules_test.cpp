// What may become an argument of a program, the name of a folder or an address in a file, as root.
#include "proto/wire/image_rules.h"

#include <gtest/gtest.h>
#include <kelpie/v1/release.pb.h>

namespace kelpie::wire {
namespace {

TEST(ImageRules, AnImageHasAFullNameAndNothingElse) {
  for (const char* const fine : {"docker.io/library/nginx:1.27", "registry.site:5000/a/b:v1", "localhost:32000/x:1"}) {
    EXPECT_TRUE(is_image_ref(fine)) << fine;
  }
  for (const char* const bad :
       {"", "nginx:1", "docker.io/nginx", "docker.io/nginx:", "--help/x:1", "user:password@registry.site/x:1",
        "docker.io/x:1@sha256:aa", "docker.io/x :1", "docker.io/x:1\n", "docker.io/$(id):1", "/x:1"}) {
    EXPECT_FALSE(is_image_ref(bad)) << bad;
  }
  EXPECT_TRUE(is_sha256("sha256:" + std::string(64, 'a')));
  for (const std::string& bad : {"sha256:" + std::string(63, 'a'), "sha256:" + std::string(64, 'A'),
                                 std::string(64, 'a'), "sha256:../" + std::string(61, 'a')}) {
    EXPECT_FALSE(is_sha256(bad)) << bad;
  }
}

TEST(ImageRules, ARegistryIsTheNameOfOneFolder) {
  for (const std::string& fine : {std::string("docker.io"), std::string("registry.k8s.io"), std::string("localhost"),
                                  std::string("10.0.0.1:5000"), std::string("a-b.c:65535"), std::string(253, 'a')}) {
    EXPECT_TRUE(is_registry_name(fine)) << fine;
  }
  for (const char* const bad :
       {"",    ".",    "..",   "../etc", "a/b", "a..b", "-a",      "a-",       "a.-b",     "A.b",
        "a b", "a\nb", "a\"b", "a:",     "a:0", "a:05", "a:65536", "a:5000:1", "_default", "kelpie_staged"}) {
    EXPECT_FALSE(is_registry_name(bad)) << bad;
  }
  EXPECT_FALSE(is_registry_name(std::string(254, 'a')));
  std::string place(253, 'a');
  place += ":5000";
  EXPECT_FALSE(is_registry_name(place));
  EXPECT_FALSE(is_registry_name(std::string("a\0b", 3)));
}

TEST(ImageRules, AMirrorsAddressHasNoCredentialsAndNoQuote) {
  for (const char* const fine : {"http://mirror.site:5000", "https://mirror.site", "https://mirror.site/v2/Prefix_1"}) {
    EXPECT_TRUE(is_mirror_url(fine)) << fine;
  }
  for (const char* const bad :
       {"mirror.site", "ftp://mirror.site", "http://", "http:///x", "http://user:pw@mirror.site",
        "http://mirror.site/\"]", "http://mirror.site/../x", "http://mirror.site?x=1", "http://mirror.site/a b",
        "http://mirror.site#x", "http://mirror.site/\n"}) {
    EXPECT_FALSE(is_mirror_url(bad)) << bad;
  }
}

struct Row {
  const char* name;
  void (*change)(v1::Mirror&);
  const char* field;
  const char* what;
};
class WrongMirror : public testing::TestWithParam<Row> {};

v1::Mirror docker() {
  v1::Mirror mirror;
  mirror.set_registry("docker.io");
  mirror.add_hosts()->set_url("https://mirror.site/v2");
  return mirror;
}
constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

TEST_P(WrongMirror, SaysWhere) {
  v1::Mirror mirror = docker();
  GetParam().change(mirror);
  EXPECT_EQ(trouble_of(mirror).field, GetParam().field);
  EXPECT_EQ(trouble_of(mirror).what, GetParam().what);
}

INSTANTIATE_TEST_SUITE_P(
    ImageRules, WrongMirror,
    testing::Values(Row{"Nothing",
                        [](auto& m) {
                          m.mutable_hosts(0)->set_ca(kPem);
                          m.mutable_hosts(0)->add_capabilities("pull");
                          m.mutable_hosts(0)->set_override_path(true);
                        },
                        "", ""},
                    Row{"Registry", [](auto& m) { m.set_registry("../docker.io"); }, "registry",
                        "\"../docker.io\" is not a registry such as docker.io or registry.example:5000"},
                    Row{"NoHosts", [](auto& m) { m.clear_hosts(); }, "hosts", "are missing"},
                    Row{"Server", [](auto& m) { m.set_server("docker.io"); }, "server",
                        "\"docker.io\" is not an address such as https://registry.example"},
                    Row{"Url", [](auto& m) { m.add_hosts()->set_url("mirror"); }, "hosts[1].url",
                        "\"mirror\" is not an address such as http://mirror.site:5000"},
                    Row{"UrlTwice", [](auto& m) { *m.add_hosts() = m.hosts(0); }, "hosts[1].url",
                        "\"https://mirror.site/v2\" is listed twice"},
                    Row{"Push", [](auto& m) { m.mutable_hosts(0)->add_capabilities("push"); }, "hosts[0].capabilities",
                        "\"push\" is not pull or resolve"},
                    Row{"PathOfNothing",
                        [](auto& m) {
                          m.mutable_hosts(0)->set_url("https://mirror.site/");
                          m.mutable_hosts(0)->set_override_path(true);
                        },
                        "hosts[0].overridePath", "needs an address with a path"},
                    Row{"AuthorityOfPlainHttp",
                        [](auto& m) {
                          m.mutable_hosts(0)->set_url("http://mirror.site");
                          m.mutable_hosts(0)->set_ca(kPem);
                        },
                        "hosts[0].ca", "goes with https only"},
                    Row{"Key",
                        [](auto& m) {
                          m.mutable_hosts(0)->set_ca(
                              "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
                              "-----END CERTIFICATE-----\n");
                        },
                        "hosts[0].ca", "is no text of PEM certificates"}),
    [](const auto& row) { return row.param.name; });

TEST(ImageRules, ARegistryIsListedOnce) {
  v1::MirrorsStep step;
  *step.add_mirrors() = docker();
  EXPECT_EQ(trouble_of(step).what, "");
  *step.add_mirrors() = docker();
  EXPECT_EQ(trouble_of(step).field, "mirrors[1].registry");
  EXPECT_EQ(trouble_of(v1::MirrorsStep()).what, "are missing");
}

}  // namespace
}  // namespace kelpie::wire
