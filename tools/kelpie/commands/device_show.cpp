// kelpie device show.
#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/device_view.h"
#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/names.h"

namespace kelpie::cli {
namespace {

Result<View> run_show(Invocation& in) {
  KELPIE_TRY(const std::string name, one_device(in.session(), in.argument("DEVICE")));
  api::v1::Named request;
  request.set_name(name);
  KELPIE_TRY(api::v1::Device device, in.session().call<api::v1::Device>("GetDevice", request));
  DeviceLook look{.now = SystemClock().wall()};
  if (!device.status().failure_reason().empty() && device.status().has_attempt()) {
    const Result<api::v1::Rollout> rollout = get_rollout(in.session(), rollout_of_attempt(device));
    look.can_retry = rollout && !is_over(*rollout) && rollout->status().phase() != "aborting";
  }
  return show_device(std::move(device), look);
}

}  // namespace

std::vector<Command> device_show_commands() {
  return {
      {.path = "device show",
       .summary = "Show one device: what it should run, what it runs, and why they differ",
       .arguments = {{.name = "DEVICE", .what = "name, or a beginning only it has", .completes = Completes::Devices}},
       .examples = {"kelpie device show pi-turin-07", "kelpie device show pi-turin-07 -o yaml"},
       .run = run_show}};
}

}  // namespace kelpie::cli
