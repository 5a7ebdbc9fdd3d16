// Certificates of MicroK8s: when they end, whatever state their files are in.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/certificates.h"
#include "tests/device-agent/microk8s/scripted_host.h"
#include "tools/sim/microk8s/certificate.h"

namespace kelpie::agent {
namespace {

using sim::certificate_pem;
using test::ScriptedHost;

WallTime day(std::int64_t days) {
  return WallTime{} + std::chrono::hours(24 * days);
}

// openssl req -x509 -newkey rsa:1024 -days 365: notBefore=Nov 25 12:53:59 2026 GMT, notAfter=Nov 25 12:53:59 2027 GMT
constexpr std::string_view kMadeByOpenssl =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICCjCCAXOgAwIBAgIUCqMzDsiivzKozV/bGuvsLlS5E0gwDQYJKoZIhvcNAQEL\n"
    "BQAwFzEVMBMGA1UEAwwMMTAuMTUyLjE4My4xMB4XDTI2MTEyNTEyNTM1OVoXDTI3\n"
    "MTEyNTEyNTM1OVowFzEVMBMGA1UEAwwMMTAuMTUyLjE4My4xMIGfMA0GCSqGSIb3\n"
    "DQEBAQUAA4GNADCBiQKBgQDNfTaBDIkmkoLxkdWlB6QEZUeBUf9TvdZReALOfFas\n"
    "fsXBizw9UsAFBpOF2NO8iW/NKHbuasx+sPA4fnG7O8VptKTAat0HhoRuoxPPhuC9\n"
    "i8lA3HLNuFaDIPJVCQHno6JLVE/CF1cSlbBjnuC7ClHoPwVwVedm0fd3NNk55R2L\n"
    "kQIDAQABo1MwUTAdBgNVHQ4EFgQUieWyJIhFVX7KP97Sx3PzmvL4aFowHwYDVR0j\n"
    "BBgwFoAUieWyJIhFVX7KP97Sx3PzmvL4aFowDwYDVR0TAQH/BAUwAwEB/zANBgkq\n"
    "hkiG9w0BAQsFAAOBgQCP8xQmvC2A1EvoxvkDFCpmC89N8CfDCmfQm2MQ6R7POU+c\n"
    "eDGWKLDsSxV0K8VFc6GY7rhmooEK30c4ex1XmPbfAkoNnSFXdbVDZO9Gc/c7jiLF\n"
    "Cf7oB/JcYPN5kFtZmExjgxCfOJWjfbgrIZakmeLqGNqZU2nXzI7bdxUpgzi00g==\n"
    "-----END CERTIFICATE-----\n";

TEST(Validity, IsReadAsOpensslWroteIt) {
  for (const std::string& text :
       {std::string(kMadeByOpenssl), "Certificate:\n    Data:\n" + std::string(kMadeByOpenssl),
        std::string(kMadeByOpenssl) + certificate_pem(day(1), day(2))}) {
    const Result<Validity> validity = read_validity(text);
    ASSERT_TRUE(validity) << validity.error().message;
    EXPECT_EQ(to_rfc3339(validity->not_before), "2026-11-25T12:53:59.000Z");
    EXPECT_EQ(to_rfc3339(validity->not_after), "2027-11-25T12:53:59.000Z");
  }
}

TEST(Validity, HasNoYearItCannotRead) {
  for (const std::int64_t days : {0, 365, 20'783, 32'850, 40'000}) {
    const Result<Validity> validity = read_validity(certificate_pem(day(days), day(days + 3'650)));
    ASSERT_TRUE(validity) << days;
    EXPECT_EQ(*validity, (Validity{.not_before = day(days), .not_after = day(days + 3'650)}));
  }
}

// A full disk leaves certificates cut off, or empty (facts, microk8s 12).
TEST(Validity, OfAFileThatWasCutOffIsAnErrorAtEveryByte) {
  const std::string whole = certificate_pem(day(20'783), day(21'148));
  const std::size_t needed = whole.find("-----END CERTIFICATE-----");
  for (std::size_t size = 0; size < needed; ++size) {
    const Result<Validity> validity = read_validity(whole.substr(0, size));
    ASSERT_FALSE(validity) << size;
    EXPECT_EQ(validity.error().code, Code::DataLoss);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x15);
    static_cast<void>(read_validity(changed));  // whatever it says, it ends
  }
  EXPECT_FALSE(read_validity("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"));
}

TEST(Certificates, AreThoseThatEndOneDay) {
  ScriptedHost host;
  const std::string folder = "/var/snap/microk8s/current/certs/";
  host.files[folder + "ca.crt"] = certificate_pem(day(20'000), day(23'650));
  host.files[folder + "front-proxy-ca.crt"] = certificate_pem(day(20'000), day(23'650));
  host.files[folder + "server.crt"] = certificate_pem(day(20'783), day(21'148));
  host.files[folder + "front-proxy-client.crt"] = "";
  const auto lines = [&] {
    std::string out;
    for (const Certificate& one : host.certificates()) {
      out += fmt::format("{} {}\n", one.name,
                         one.validity ? to_rfc3339(one.validity->not_after) : one.validity.error().message);
    }
    return out;
  };
  EXPECT_EQ(lines(),
            "ca.crt 2034-10-02T00:00:00.000Z\n"
            "front-proxy-ca.crt 2034-10-02T00:00:00.000Z\n"
            "server.crt 2027-11-26T00:00:00.000Z\n"
            "front-proxy-client.crt it holds no certificate that can be read\n");
  host.files[folder + "kubelet.crt"] = certificate_pem(day(20'000), day(23'650));
  EXPECT_NE(lines().find("kubelet.crt 2034-10-02"), std::string::npos);
  host.files.erase(folder + "server.crt");
  EXPECT_NE(lines().find("server.crt no such file"), std::string::npos);
}

}  // namespace
}  // namespace kelpie::agent
