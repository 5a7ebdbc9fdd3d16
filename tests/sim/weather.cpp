#include "tests/sim/weather.h"

namespace kelpie::test {
namespace {

using std::chrono::seconds;

// Between half and one and a half of the mean; again and again, as long as the storm has a mean for it.
void recur(World& world, Duration Storm::*every, const std::function<void()>& what) {
  const Duration mean = world.storm().*every;
  if (mean == Duration{}) return;
  world.after(world.dice().between(mean / 2, mean + mean / 2), [&world, every, what] {
    if (world.storm().*every == Duration{}) return;
    what();
    recur(world, every, what);
  });
}

Duration away(World& world) {
  return world.dice().between(seconds(3), world.storm().away_max);
}

void put_card_in(World& world, SimDevice& device, SimDevice::Image image) {
  if (device.is_gone) return;
  world.power_off(device);
  device.card.put_back(std::move(image.blob));
  device.work.become(std::move(image.facts));
  if (device.model) device.model->become(std::move(image.state));
  world.after(away(world), [&world, &device] { world.power_on(device); });
}

// Soon enough that the hub still remembers what the image does not.
void take_image_and_put_it_back(World& world, SimDevice& device) {
  world.note(device.name, "an image of its card is taken");
  device.image = {.blob = device.card.blob(),
                  .facts = device.work.facts(),
                  .state = device.model ? device.model->state() : sim::DeviceState{}};
  world.after(world.dice().between(seconds(10), std::chrono::minutes(6)), [&world, &device] {
    if (world.storm().old_card_every == Duration{}) return;  // calm came in between
    world.note(device.name, "an old image of its card is put back");
    put_card_in(world, device, device.image);
  });
}

void give_new_card(World& world, SimDevice& device) {
  world.note(device.name, "is re-imaged");
  put_card_in(world, device, {});
}

void damage_card(World& world, SimDevice& device) {
  if (device.is_gone) return;
  world.note(device.name, "both state slots are damaged");
  world.power_off(device);
  device.card.damage();
  world.after(away(world), [&world, &device] { world.power_on(device); });
}

void cut_power(World& world, SimDevice& device) {
  world.power_off(device);
  world.after(away(world), [&world, &device] { world.power_on(device); });
}

void cut_network(World& world, SimDevice& device) {
  if (world.dice().chance(500)) {
    device.is_deaf = true;  // frames vanish, and nobody is told
  } else {
    world.cut_link(device);
  }
  world.after(away(world), [&world, &device] {
    device.is_deaf = false;
    world.mend_link(device);
  });
}

void fill_card(World& world, SimDevice& device) {
  world.note(device.name, "its card is full");
  device.card.set_full(true);
  world.after(away(world), [&device] { device.card.set_full(false); });
}

/// Mostly what NTP does, sometimes what a wrong time zone or an empty battery does; a year is as good as any.
Duration clock_error(World& world) {
  Dice& dice = world.dice();
  if (dice.chance(200)) return {};
  if (dice.chance(500)) return dice.between(-seconds(5), seconds(5));
  if (dice.chance(700)) return dice.between(-std::chrono::hours(2), std::chrono::hours(2));
  return dice.between(-std::chrono::years(1), std::chrono::years(1));
}

void strike_model(World& world, SimDevice& device) {
  if (device.model) device.model->strike(world.dice());
}

}  // namespace

void expose(World& world, SimDevice& device) {
  const auto each = [&](Duration Storm::*every, void (*what)(World&, SimDevice&)) {
    recur(world, every, [&world, &device, what] { what(world, device); });
  };
  each(&Storm::power_cut_every, cut_power);
  each(&Storm::link_cut_every, cut_network);
  each(&Storm::full_card_every, fill_card);
  each(&Storm::old_card_every, take_image_and_put_it_back);
  each(&Storm::new_card_every, give_new_card);
  each(&Storm::damage_every, damage_card);
  each(&Storm::model_fault_every, strike_model);
}

void let_loose(World& world) {
  for (const auto& device : world.devices()) expose(world, *device);
  recur(world, &Storm::hub_crash_every, [&world] { world.crash_hub(away(world)); });
  recur(world, &Storm::hub_clock_every, [&world] { world.set_hub_clock_off(clock_error(world)); });
}

void calm(World& world) {
  const Duration act_every = world.storm().act_every;
  world.storm() = Storm{};
  world.storm().act_every = act_every;
  world.set_hub_clock_off({});
  for (const auto& device : world.devices()) {
    device->is_deaf = false;
    device->card.set_full(false);
    if (device->model) device->model->heal();
    if (device->agent && device->agent->memory().is_lost) give_new_card(world, *device);
    if (!device->agent && device->card.load().has_value() == false) device->card.wipe();
    world.power_on(*device);
    world.mend_link(*device);
  }
}

}  // namespace kelpie::test
