#include "proto/wire/archive.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/core.h>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace kelpie::wire {
namespace {

namespace io = google::protobuf::io;

// POSIX.1-1988 ustar: a header of one block, the bytes, zeros up to the next block; two blocks of zeros at the end.
constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameMax = 99;
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{.at = 0, .size = 100};
constexpr Field kMode{.at = 100, .size = 8};
constexpr Field kOwner{.at = 108, .size = 8};
constexpr Field kGroup{.at = 116, .size = 8};
constexpr Field kSize{.at = 124, .size = 12};
constexpr Field kTime{.at = 136, .size = 12};
constexpr Field kSum{.at = 148, .size = 8};
constexpr std::size_t kTypeAt = 156;
constexpr Field kMagic{.at = 257, .size = 8};
constexpr std::string_view kMagicText{"ustar\00000", 8};
constexpr char kRegular = '0';
constexpr unsigned kModePrivate = 0600;
// Deflate never grows its input by more than this and a thousandth: stored blocks, a flush, the trailer.
constexpr std::size_t kPackingCost = 1'024;

using Header = std::array<char, kBlock>;

void put(Header& header, const Field& field, std::string_view text) {
  std::copy_n(text.data(), std::min(text.size(), field.size), header.data() + field.at);
}

void put_octal(Header& header, const Field& field, std::uint64_t value) {
  put(header, field, fmt::format("{:0{}o}", value, field.size - 1));
}

/// The sum of the header's bytes with blanks in the place of the sum.
std::uint64_t sum_of(Header header) {
  put(header, kSum, "        ");
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  return sum;
}

std::size_t padding_of(std::size_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

std::string_view text_of(const Header& header, const Field& field) {
  const std::string_view whole(header.data() + field.at, field.size);
  return whole.substr(0, whole.find('\0'));
}

std::optional<std::uint64_t> octal_of(const Header& header, const Field& field) {
  const std::string_view text = text_of(header, field);
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  if (error != std::errc{}) return std::nullopt;
  return out;
}

tl::unexpected<Error> no_archive(std::string_view why) {
  return fail(Code::InvalidArgument, fmt::format("the bytes are no archive: {}", why));
}

Result<std::string> unpack(std::string_view bytes) {
  constexpr int kPackedMax = 1 << 30;
  if (bytes.size() > kPackedMax) return no_archive("too large");
  io::ArrayInputStream packed(bytes.data(), static_cast<int>(bytes.size()));
  io::GzipInputStream stream(&packed, io::GzipInputStream::GZIP);
  std::string out;
  const void* data = nullptr;
  int size = 0;
  while (stream.Next(&data, &size)) {
    out.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
    if (out.size() > kArchiveUnpackedBytesMax) {
      return no_archive(fmt::format("it unpacks to more than {} bytes", kArchiveUnpackedBytesMax));
    }
  }
  return out;
}

bool is_zero(const Header& header) {
  return std::all_of(header.begin(), header.end(), [](char c) { return c == 0; });
}

Result<ArchivedFile> take_file(const Header& header, std::string_view& rest) {
  const std::optional<std::uint64_t> sum = octal_of(header, kSum);
  const std::optional<std::uint64_t> size = octal_of(header, kSize);
  if (!sum || *sum != sum_of(header) || !size) return no_archive("a header is damaged");
  ArchivedFile out{.name = std::string(text_of(header, kName)), .text = {}};
  if (header[kTypeAt] != kRegular || !is_archive_name(out.name)) {
    return no_archive("it holds something else than plain files");
  }
  if (*size > rest.size() || padding_of(*size) > rest.size() - *size) return no_archive("it is cut off");
  out.text = std::string(rest.substr(0, *size));
  rest.remove_prefix(*size + padding_of(*size));
  return out;
}

}  // namespace

bool is_archive_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  char before = '/';
  for (const char c : name) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (before == '/' && !is_word) return false;  // nothing hidden, no "..", no empty part
    if (!is_word && c != '.' && c != '_' && c != '-' && c != '/') return false;
    before = c;
  }
  return before != '/';
}

struct ArchiveWriter::Packer {
  Packer(std::size_t max, WallTime time) : bytes_max(max), made_at(time), packed(&out), stream(&packed, options()) {}
  static io::GzipOutputStream::Options options() {
    io::GzipOutputStream::Options out;
    out.format = io::GzipOutputStream::GZIP;
    return out;
  }
  void write(std::string_view bytes) {
    void* data = nullptr;
    int size = 0;
    while (!bytes.empty()) {
      const bool has_room = stream.Next(&data, &size);
      KELPIE_ASSERT(has_room);
      const std::size_t taken = std::min(bytes.size(), static_cast<std::size_t>(size));
      std::memcpy(data, bytes.data(), taken);
      stream.BackUp(size - static_cast<int>(taken));
      bytes.remove_prefix(taken);
    }
  }

  std::size_t bytes_max;
  WallTime made_at;
  std::string out;
  io::StringOutputStream packed;
  io::GzipOutputStream stream;
};

ArchiveWriter::ArchiveWriter(std::size_t packed_bytes_max, WallTime made_at)
    : packer_(std::make_unique<Packer>(packed_bytes_max, made_at)) {}

ArchiveWriter::~ArchiveWriter() = default;

bool ArchiveWriter::add(const ArchivedFile& file) {
  KELPIE_ASSERT(is_archive_name(file.name));
  constexpr std::int64_t kMsPerSecond = 1'000;
  constexpr std::size_t kGrowthShare = 1'000;
  const std::size_t most = file.text.size() + file.text.size() / kGrowthShare + kPackingCost;
  if (packer_->out.size() + most > packer_->bytes_max) return false;
  Header header{};
  put(header, kName, file.name);
  put_octal(header, kMode, kModePrivate);
  put_octal(header, kOwner, 0);
  put_octal(header, kGroup, 0);
  put_octal(header, kSize, file.text.size());
  put_octal(header, kTime,
            static_cast<std::uint64_t>(std::max<std::int64_t>(packer_->made_at.unix_ms, 0)) / kMsPerSecond);
  header[kTypeAt] = kRegular;
  put(header, kMagic, kMagicText);
  put(header, kSum, fmt::format("{:06o}", sum_of(header)));
  header[kSum.at + kSum.size - 1] = ' ';
  packer_->write({header.data(), header.size()});
  packer_->write(file.text);
  packer_->write(std::string(padding_of(file.text.size()), '\0'));
  packer_->stream.Flush();  // so that its size is known
  return true;
}

std::string ArchiveWriter::finish() {
  packer_->write(std::string(2 * kBlock, '\0'));
  const bool is_whole = packer_->stream.Close();
  KELPIE_ASSERT(is_whole);
  return std::move(packer_->out);
}

Result<std::vector<ArchivedFile>> read_archive(std::string_view bytes) {
  KELPIE_TRY(const std::string all, unpack(bytes));
  std::vector<ArchivedFile> out;
  for (std::string_view rest = all; rest.size() >= kBlock;) {
    Header header{};
    std::copy_n(rest.data(), kBlock, header.data());
    if (is_zero(header)) return out;
    rest.remove_prefix(kBlock);
    if (out.size() == kArchiveFilesMax) return no_archive(fmt::format("more than {} files", kArchiveFilesMax));
    KELPIE_TRY(ArchivedFile file, take_file(header, rest));
    out.push_back(std::move(file));
  }
  return no_archive("it is cut off");
}

}  // namespace kelpie::wire
