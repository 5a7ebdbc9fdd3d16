// The topic tree, as brokers and access lists see it.
#include "proto/wire/topics.h"

#include <gtest/gtest.h>

namespace kelpie::wire {
namespace {

TEST(Topics, NameShardAndDevice) {
  const DeviceId device = DeviceId::from_hex("000102030405060708090a0b0c0d0e0f").value();
  const std::string two_digits = blake2b_128(device.view()).hex().substr(0, 2);

  EXPECT_EQ(shard(device), two_digits);
  EXPECT_EQ(down_topic(device), "kelpie/v1/" + two_digits + "/000102030405060708090a0b0c0d0e0f/down");
  EXPECT_EQ(up_topic(device), "kelpie/v1/" + two_digits + "/000102030405060708090a0b0c0d0e0f/up");
  EXPECT_EQ(all_topic(), "kelpie/v1/all");
  EXPECT_EQ(up_filter(), "kelpie/v1/+/+/up");
}

}  // namespace
}  // namespace kelpie::wire
