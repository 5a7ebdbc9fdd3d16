// The arguments of add-ons: read once into values, written again as the script of a track takes them.
#include <gtest/gtest.h>

#include "proto/wire/addon_order.h"

namespace kelpie::wire {
namespace {

using Words = std::vector<std::string>;

/// "args | of the track": what is written → what the script gets, or why not.
std::string taken(const std::string& name, Words args, std::optional<int> minor = std::nullopt) {
  const Result<AddonOrder> order = AddonOrder::of({.name = name, .args = std::move(args)}, {.minor = minor});
  if (!order) return "refused: " + order.error().message;
  std::string out;
  for (const std::string& word : order->words(minor)) out += (out.empty() ? "" : " ") + word;
  return out;
}

TEST(AddonArguments, AreWrittenAsTheTrackTakesThem) {
  EXPECT_EQ(taken("dns", {}), "");
  EXPECT_EQ(taken("dns", {"1.1.1.1,2606:4700:4700::1111", "10.152.183.10"}, 32),
            "1.1.1.1,2606:4700:4700::1111 10.152.183.10");
  EXPECT_EQ(taken("dns:/etc/resolv.conf", {}), "/etc/resolv.conf");
  EXPECT_EQ(taken("core/metallb:10.0.0.1-10.0.0.9", {}), "10.0.0.1-10.0.0.9");
  EXPECT_EQ(taken("metallb", {"10.0.0.1-10.0.0.9", "10.0.7.0/28"}), "10.0.0.1-10.0.0.9,10.0.7.0/28")
      << "its script reads one word";
  EXPECT_EQ(taken("registry", {"size=30Gi"}), "--size=30Gi");
  EXPECT_EQ(taken("registry", {"--storageclass", "fast", "--size=200Gi"}), "--size=200Gi --storageclass=fast");
  EXPECT_EQ(taken("hostpath-storage", {"-r", "Retain"}), "--reclaim-policy=Retain");
  EXPECT_EQ(taken("storage", {"--default-class=false"}), "--default-class=false");
  EXPECT_EQ(taken("host-access", {"ip=10.0.9.1"}), "ip=10.0.9.1");
  EXPECT_EQ(taken("cert-manager", {"-V", "v1.20.2", "-r", "https://charts.example/x"}, 33),
            "-r https://charts.example/x -V v1.20.2");
  EXPECT_EQ(taken("prometheus", {"--without-tempo", "--loki-stack-version=2.10.3"}),
            "--loki-stack-version=2.10.3 --without-tempo");
  EXPECT_EQ(taken("ingress", {"default-ssl-certificate=a/b"}, 34), "default-ssl-certificate=a/b");
  EXPECT_EQ(taken("ingress", {"default-ssl-certificate=a/b"}, 35), "--default-ssl-certificate a/b");
}

TEST(AddonArguments, ThatScriptsWouldTakeWronglyAreRefused) {
  for (const auto& [name, args] : std::vector<std::pair<std::string, Words>>{
           {"dns", {"1.1.1.1", "8.8.8.8"}},  // the second would be the cluster's own address
           {"dns", {"127.0.0.53"}},          // CoreDNS would ask itself
           {"dns", {"1.1.1.1 8.8.8.8"}},
           {"dns", {"one.one.one.one"}},
           {"dns", {"1.1.1.01"}},
           {"metallb", {"10.0.0.9-10.0.0.1"}},
           {"metallb", {"10.0.0.1-2606::1"}},
           {"metallb", {"10.0.0.0/33"}},
           {"metallb", {"10.0.0.0/"}},
           {"metallb", {"10.0.0.1"}},
           {"metallb", {""}},
           {"host-access", {"10.0.0.1"}},  // prints a sentence and exits with 0
           {"host-access", {"ip=300.0.0.1"}},
           {"host-access", {"ip=10.0.0.1", "ip=10.0.0.2"}},
           {"registry", {"--size=19Gi"}},
           {"registry", {"--size=020Gi"}},
           {"registry", {"--size=20GiB"}},
           {"registry", {"--size"}},
           {"hostpath-storage", {"--reclaim-policy=Recycle"}},
           {"ingress", {"default-ssl-certificate=site-tls"}},
           {"ingress", {"default-ssl-certificate=a/b/c"}},
           {"cert-manager", {"-r", "http://charts.example"}},
           {"cert-manager", {"-V", "--set"}},
           {"observability", {"--loki-stack-values=/root/values.yaml"}},
           {"metrics-server", {"--help"}},
           {"registry", {"--size=20Gi\n"}},
           {"metallb", {std::string("10.0.0.0/28\0x", 13)}}}) {
    EXPECT_TRUE(taken(name, args).starts_with("refused: add-on " + name)) << taken(name, args);
  }
}

TEST(Addons, OfAnotherArchitectureAreRefused) {
  const AddonPlace pi{.minor = 32, .is_strict = false, .architecture = "arm64"};
  EXPECT_EQ(AddonOrder::of({.name = "gpu"}, pi).error().message, "add-on nvidia is for amd64, not for arm64");
  EXPECT_TRUE(AddonOrder::of({.name = "gpu"}, {.minor = 32, .is_strict = false, .architecture = "amd64"}));
}

TEST(Addons, ThatTheTableHasAreEachTakenOrRefusedWithAReason) {
  for (const AddonRow& row : addon_rows()) {
    const bool is_older_name = !row.stands_for.empty();
    EXPECT_NE(find_addon(row.name), nullptr) << row.name;
    EXPECT_EQ(is_older_name + !row.refused.empty() + !row.proof.empty(), 1) << row.name;
    EXPECT_EQ(find_addon(row.name)->name, is_older_name ? row.stands_for : row.name);
  }
}

}  // namespace
}  // namespace kelpie::wire
