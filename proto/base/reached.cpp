#include "proto/base/reached.h"

#include "proto/base/result.h"

namespace kelpie {
namespace {
thread_local ReachedMarks* recorder = nullptr;
}

ReachedMarks::ReachedMarks() {
  KELPIE_ASSERT(recorder == nullptr);
  recorder = this;
}
ReachedMarks::~ReachedMarks() {
  recorder = nullptr;
}

void note_reached(const char* mark) {
  if (recorder != nullptr) ++recorder->counts_[mark];
}

}  // namespace kelpie
