// Real processes: what they say is kept within limits, and none outlives its deadline.
#include "device-agent/host/posix_process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "device-agent/host/system_files.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;

Command command(std::vector<std::string> argv, Duration limit = 30s) {
  return {.argv = std::move(argv), .input = {}, .limit = limit};
}

// Python stands for a program of any shape; nothing here goes through a shell.
Command python(const std::string& code, Duration limit = 30s) {
  return command({"/usr/bin/python3", "-c", code}, limit);
}

TEST(PosixProcess, TellsExitCodeAndBothOutputs) {
  PosixProcess processes;
  const Result<Exit> exit =
      processes.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"));
  ASSERT_TRUE(exit) << exit.error().message;
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(exit->out, "out\n");
  EXPECT_EQ(exit->err, "err\n");
  EXPECT_FALSE(exit->is_timeout);
}

TEST(PosixProcess, ArgumentsAreNeverRead) {
  PosixProcess processes;
  const Result<Exit> exit = processes.run(command({"/bin/echo", "$HOME; rm -rf *", "`id`"}));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->out, "$HOME; rm -rf * `id`\n");
}

TEST(PosixProcess, FeedsALargeInputAndClosesIt) {
  PosixProcess processes;
  Command cat = command({"/bin/cat"});
  cat.input = std::string(300'000, 'x');
  const Result<Exit> exit = processes.run(cat);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->out, cat.input);
}

// Whoever swaps the file behind its name after it was hashed changes nothing.
TEST(PosixProcess, FeedsTheVeryFileThatWasHashed) {
  PosixProcess processes;
  const test::TempDir dir;
  const std::string hashed = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  test::write_file(dir / hashed, "abc");
  const Result<Artifact> artifact = SystemFiles().open_artifact(dir / hashed, hashed, 1U << 20U, {});
  ASSERT_TRUE(artifact) << artifact.error().message;
  test::write_file(dir / "other", "evil");
  std::filesystem::rename(dir / "other", dir / hashed);
  Command cat = command({"/bin/cat"});
  cat.input_file = &*artifact;
  std::uint64_t read = 0;
  cat.on_input = [&](std::uint64_t bytes) { read = bytes; };
  for (int again = 0; again < 2; ++again) {
    const Result<Exit> exit = processes.run(cat);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->out, "abc") << "from its start, whoever read it before";
  }
  EXPECT_EQ(read, 3U);
}

TEST(PosixProcess, WithoutInputThereIsEndOfFile) {
  PosixProcess processes;
  const Result<Exit> exit = processes.run(command({"/bin/cat"}));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
}

TEST(PosixProcess, KeepsStartAndEndOfALongOutput) {
  PosixProcess processes;
  Command noisy = python("print('first'); print('x' * 5000000); print('last')");
  noisy.output_bytes_max = 1'000;
  const Result<Exit> exit = processes.run(noisy);
  ASSERT_TRUE(exit);
  EXPECT_LT(exit->out.size(), 1'100U);
  EXPECT_EQ(exit->out.substr(0, 6), "first\n");
  EXPECT_EQ(exit->out.substr(exit->out.size() - 5), "last\n");
}

TEST(PosixProcess, HandsOutputOnAsItComes) {
  PosixProcess processes;
  Command echo = command({"/bin/echo", "layer-sha256:1: done"});
  std::string heard;
  echo.on_output = [&](std::string_view piece) { heard += piece; };
  const Result<Exit> exit = processes.run(echo);
  ASSERT_TRUE(exit);
  EXPECT_EQ(heard, "layer-sha256:1: done\n");
  EXPECT_EQ(heard, exit->out);
}

// Without it the snap's wrappers end with "USER: unbound variable" (facts, microk8s 2.0).
TEST(PosixProcess, ChildrenKnowWhoTheyAre) {
  PosixProcess processes;
  const Result<Exit> exit = processes.run(command({"/usr/bin/env"}));
  ASSERT_TRUE(exit);
  EXPECT_NE(exit->out.find("USER=root\n"), std::string::npos);
}

TEST(PosixProcess, TheDeadlineEndsTheWholeGroup) {
  PosixProcess processes;
  const test::TempDir dir;
  const std::string code =
      "import subprocess\n"
      "child = subprocess.Popen(['/usr/bin/tail', '-f', '/dev/null'])\n"
      "open('" +
      dir / "pid" +
      "', 'w').write(str(child.pid))\n"
      "child.wait()\n";
  const Result<Exit> exit = processes.run(python(code, 1s));
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->is_timeout);
  EXPECT_EQ(exit->code, 128 + SIGTERM);
  const pid_t child = std::stoi(test::read_file(dir / "pid"));
  // Gone, or a zombie that nobody in this container reaps.
  EXPECT_TRUE(test::eventually([&] {
    if (kill(child, 0) != 0) return true;
    return test::read_file("/proc/" + std::to_string(child) + "/stat").find(") Z ") != std::string::npos;
  }));
}

TEST(PosixProcess, WhoIgnoresTermIsKilled) {
  PosixProcess processes(200ms);
  const Result<Exit> exit =
      processes.run(python("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()", 1s));
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->is_timeout);
  EXPECT_EQ(exit->code, 128 + SIGKILL);
}

// An add-on's script that hangs holds MicroK8s' lock, and so do its children: the next enable would wait for ever.
TEST(PosixProcess, WithTheGroupGoesTheLockItsGrandchildHolds) {
  const test::TempDir dir;
  PosixProcess processes(200ms);
  const std::string code =
      "import fcntl, os, signal, time\n"
      "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
      "lock = open('" +
      dir / "lock" +
      "', 'w')\n"
      "fcntl.flock(lock, fcntl.LOCK_EX)\n"
      "os.fork()\n"
      "os.write(1, b'locked')\n"
      "while True: signal.pause()";
  const Result<Exit> exit = processes.run(python(code, 1s));
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->is_timeout);
  EXPECT_EQ(exit->out.substr(0, 6), "locked");
  const int fd = open((dir / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_TRUE(test::eventually([&] { return flock(fd, LOCK_EX | LOCK_NB) == 0; }, 5s));
  close(fd);
}

// A process in the freezer takes no signal, as one that waits for a dead card: it is left behind, not waited for.
TEST(PosixProcess, WhomTheKernelHoldsHoldsNobodyUp) {
  const std::string freezer = "/sys/fs/cgroup/freezer/kelpie-" + std::to_string(getpid());
  std::error_code error;
  if (!std::filesystem::create_directory(freezer, error)) GTEST_SKIP() << "no freezer to write to here";
  PosixProcess processes(200ms);
  const SteadyTime before = SystemClock().steady();
  const Result<Exit> exit =
      processes.run(python("import os\n"
                           "print(os.getpid(), flush=True)\n"
                           "open('" +
                               freezer +
                               "/cgroup.procs', 'w').write('0')\n"
                               "open('" +
                               freezer + "/freezer.state', 'w').write('FROZEN')\n",
                           2s));
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->is_timeout);
  EXPECT_EQ(exit->code, 128 + SIGKILL);
  EXPECT_NE(exit->err.find("the kernel holds it"), std::string::npos) << exit->err;
  EXPECT_LT(SystemClock().steady() - before, 10s);
  EXPECT_TRUE(processes.run(command({"/bin/true"}))) << "the next command runs";
  test::write_file(freezer + "/freezer.state", "THAWED");
  const std::string left = "/proc/" + std::to_string(std::stoi(exit->out));
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_TRUE(processes.run(command({"/bin/true"})));
    return !std::filesystem::exists(left);
  })) << "reaped by a later one";
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::remove(freezer, error); }));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
std::size_t status_kib(const std::string& key) {
  const std::string status = test::read_file("/proc/self/status");
  return std::stoul(status.substr(status.find(key) + key.size()));
}

TEST(PosixProcess, OfSixtyFourMebibytesOfOutputLittleIsKept) {
  PosixProcess processes;
  test::write_file("/proc/self/clear_refs", "5");  // the peak begins anew
  const std::size_t before = status_kib("VmRSS:");
  const Result<Exit> exit =
      processes.run(python("import os\n"
                           "for i in range(1024):\n"
                           "  os.write(1, b'x' * 65536)\n"
                           "  os.write(2, b'y' * 65536)\n"));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  constexpr std::size_t kKept = 1U << 20U;
  EXPECT_LE(exit->out.size(), kKept + 16);
  EXPECT_LE(exit->err.size(), kKept + 16);
  constexpr std::size_t kExtraKibMax = 12U << 10U;  // what is kept of both, twice while it is copied, and room
  EXPECT_LT(status_kib("VmHWM:") - before, kExtraKibMax);
}
#endif

// One in a session of its own is out of reach of the group's signals. Whenever its output is looked at, more of it has
// come: the listener waits for that.
TEST(PosixProcess, AGrandchildThatKeepsWritingHoldsNobodyUp) {
  const test::TempDir dir;
  const std::string log = dir / "written";
  const auto run = [&](const std::string& end, Duration limit) {
    Command noisy = python(
        "import os, time\n"
        "log = open('" +
            log +
            "', 'wb', 0)\n"
            "if os.fork() == 0:\n"
            "  os.setsid()\n"
            "  end = time.monotonic() + 8\n"
            "  while time.monotonic() < end:\n"
            "    os.write(1, b'x' * 4096)\n"
            "    log.write(b'.')\n"
            "  os._exit(0)\n"
            "while os.fstat(log.fileno()).st_size < 3: os.sched_yield()\n" +
            end,
        limit);
    noisy.on_output = [&](std::string_view) {
      const std::size_t before = test::read_file(log).size();
      static_cast<void>(test::eventually([&] { return test::read_file(log).size() > before + 1; }, 1s));
    };
    return PosixProcess(200ms).run(noisy);
  };
  const Result<Exit> left = run("os._exit(3)\n", 5s);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->code, 3);
  EXPECT_FALSE(left->is_timeout);
  const SteadyTime before = SystemClock().steady();
  const Result<Exit> awaited = run("os.wait()\n", 1s);
  ASSERT_TRUE(awaited);
  EXPECT_TRUE(awaited->is_timeout);
  EXPECT_LT(SystemClock().steady() - before, 5s);
}

TEST(PosixProcess, StopEndsARunningCommandAndRefusesTheNext) {
  PosixProcess processes;
  std::jthread stopper([&] { processes.set_stopping(true); });
  const Result<Exit> first = processes.run(command({"/usr/bin/tail", "-f", "/dev/null"}, 1h));
  EXPECT_TRUE(!first || first->is_timeout);
  stopper.join();
  EXPECT_EQ(processes.run(command({"/bin/true"})).error().code, Code::Unavailable);
  processes.set_stopping(false);
  EXPECT_TRUE(processes.run(command({"/bin/true"})));
}

TEST(PosixProcess, AProgramThatIsNotThereIsSaid) {
  PosixProcess processes;
  const Result<Exit> exit = processes.run(command({"/snap/bin/microk8s"}));
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::NotFound);
  EXPECT_EQ(exit.error().message, "cannot run \"/snap/bin/microk8s\": No such file or directory");
}

}  // namespace
}  // namespace kelpie::agent
