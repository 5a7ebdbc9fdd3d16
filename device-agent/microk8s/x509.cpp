#include "device-agent/microk8s/x509.h"

#include <ctime>
#include <limits>
#include <memory>
#include <optional>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace kelpie::agent {
namespace {

struct Freed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::optional<WallTime> wall_time(const ASN1_TIME* time) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(time, &utc) != 1) return std::nullopt;
  constexpr std::int64_t kMsPerSecond = 1'000;
  return WallTime{static_cast<std::int64_t>(timegm(&utc)) * kMsPerSecond};
}

}  // namespace

Result<Validity> read_validity(std::string_view pem) {
  const auto nothing = [] { return fail(Code::DataLoss, "it holds no certificate that can be read"); };
  if (pem.size() > std::numeric_limits<int>::max()) return nothing();
  const std::unique_ptr<BIO, Freed> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Freed> certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                                     : nullptr);
  ERR_clear_error();  // a queue per thread, which nobody else reads
  if (!certificate) return nothing();
  const std::optional<WallTime> not_before = wall_time(X509_get0_notBefore(certificate.get()));
  const std::optional<WallTime> not_after = wall_time(X509_get0_notAfter(certificate.get()));
  if (!not_before || !not_after) return nothing();
  return Validity{.not_before = *not_before, .not_after = *not_after};
}

}  // namespace kelpie::agent
