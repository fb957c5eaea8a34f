#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "worker/command.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;

class WorkerCommand : public testing::Test {
 public:
  WorkerCommand() {
    std::string pattern = fs::temp_directory_path() / "elves-command-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    make("apps/app/worker.sh");
    make("apps/app/deep/down.sh");
    make("apps/other/worker.sh");
    make("apps/own/app-worker.py");
    make("outside.sh");
    make("sdk/app-worker.py");
    fs::create_symlink(root_ / "outside.sh", root_ / "apps/app/link.sh");
    fs::create_symlink("deep/down.sh", root_ / "apps/app/inside.sh");
    fs::create_directory_symlink(root_, root_ / "apps/app/up");
    fs::create_directory_symlink(root_ / "apps/other", root_ / "apps/linked");
    launcher_ = {.apps = root_ / "apps", .entry = root_ / "sdk/app-worker.py", .python = "sh", .mark = ""};
  }
  ~WorkerCommand() override { fs::remove_all(root_); }

  void make(const std::string& name) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "x";
  }
  Result<Command> command(const std::string& app, const std::string& proxy = "",
                          const std::string& param = "") const {
    return resolve(launcher_, app, "func", param, proxy);
  }
  // The refusal's text; nullopt when it was not refused.
  std::optional<std::string> refusal(const std::string& app, const std::string& proxy) const {
    auto made = command(app, proxy);
    if (made) return std::nullopt;
    return made.error().detail;
  }

  fs::path root_;
  Launcher launcher_;
};

TEST_F(WorkerCommand, RunsTheShippedEntryInTheAppsFolder) {
  const auto made = command("app", "", "Man");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->argv[0].ends_with("/sh"));
  const std::vector<std::string> rest(made->argv.begin() + 1, made->argv.end());
  EXPECT_EQ(rest, (std::vector<std::string>{launcher_.entry, "app", "func", "TWFu"}));
  EXPECT_EQ(made->folder, root_ / "apps/app");
  EXPECT_EQ(made->input, "");
}

TEST_F(WorkerCommand, PrefersTheAppsOwnEntry) {
  EXPECT_EQ(command("own")->argv[1], root_ / "apps/own/app-worker.py");
}

TEST_F(WorkerCommand, NeedsAnEntry) {
  launcher_.entry.clear();
  EXPECT_EQ(refusal("app", ""), "the app has no 'app-worker.py'");
  EXPECT_TRUE(command("own"));
}

TEST_F(WorkerCommand, RunsPrograms) {
  EXPECT_EQ(command("app", "worker.sh")->argv[0], root_ / "apps/app/worker.sh");
  EXPECT_EQ(command("app", "sh|deep/down.sh")->argv[1], root_ / "apps/app/deep/down.sh");
  EXPECT_EQ(command("app", "sh|inside.sh")->argv[1], root_ / "apps/app/deep/down.sh");
  EXPECT_EQ(command("linked", "worker.sh")->folder, root_ / "apps/other");
}

TEST_F(WorkerCommand, PythonIsTheConfiguredOneWhereThereIsNone) {
  const char* before = ::getenv("PATH");
  const std::string path = before != nullptr ? before : "/usr/bin:/bin";
  fs::create_directory(root_ / "bin");
  fs::create_symlink("/bin/sh", root_ / "bin/sh");
  ::setenv("PATH", (root_ / "bin").c_str(), 1);
  const auto made = command("app", "python|worker.sh");
  const auto unknown = refusal("app", "python9|worker.sh").value_or("");
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->argv[0], root_ / "bin/sh");
  EXPECT_TRUE(unknown.starts_with("no program 'python9' in PATH (")) << unknown;
}

TEST_F(WorkerCommand, NothingLeavesTheApp) {
  for (const std::string file :
       {"../other/worker.sh", "/bin/sh", "deep/../worker.sh", "..", "", "a/../../x"}) {
    for (const auto& proxy : {file, "sh|" + file}) {
      if (proxy.empty()) continue;
      EXPECT_EQ(refusal("app", proxy), "'" + file + "' is no path inside the app's folder") << proxy;
    }
  }
  for (const std::string file : {"link.sh", "up/outside.sh", "up/apps/other/worker.sh", "up", "."}) {
    EXPECT_EQ(refusal("app", file), "'" + file + "' leads out of the app's folder") << file;
  }
  EXPECT_TRUE(refusal("app", std::string("worker.sh\0.sh", 13)));
  EXPECT_EQ(refusal("app", "deep"), "'deep' is no file");
  EXPECT_EQ(refusal("app", "none.sh"), "the app has no 'none.sh'");
}

TEST_F(WorkerCommand, InterpretersAreNames) {
  for (const std::string name : {"/bin/sh", "./sh", "../bin/sh", "deep/down.sh"}) {
    EXPECT_EQ(refusal("app", name + "|worker.sh"),
              "interpreter '" + name + "' must be a name that PATH knows");
  }
  EXPECT_TRUE(refusal("app", std::string("s\0h|worker.sh", 13)));
  EXPECT_TRUE(refusal("app", "|worker.sh"));
}

TEST_F(WorkerCommand, AppIsAFolderOfApps) {
  for (const std::string app : {"none", "", ".", "..", "../apps/app", "app/deep", "/tmp", "a\0b"}) {
    const auto made = command(app);
    ASSERT_FALSE(made) << app;
    EXPECT_EQ(made.error(), (Error{ErrorCode::app_not_found, "app [" + app + "] not installed"}));
  }
  std::ofstream(root_ / "apps/file") << "x";
  EXPECT_FALSE(command("file"));
}

TEST_F(WorkerCommand, LongParamGoesToStandardInput) {
  const std::string fits(98301, 'x');
  const std::string longer(98304, 'x');
  EXPECT_EQ(command("app", "", fits)->argv.back().size(), 131068U);
  const auto made = command("app", "", longer);
  EXPECT_EQ(made->argv.back(), "-");
  EXPECT_EQ(made->input.size(), 131072U);
}

TEST_F(WorkerCommand, FuncMustBeAnArgument) {
  EXPECT_FALSE(resolve(launcher_, "app", std::string(200000, 'f'), "", ""));
  EXPECT_FALSE(resolve(launcher_, "app", std::string("a\0b", 3), "", ""));
}

TEST(WorkerBase64, OfRfc4648) {
  const std::string text = "foobar";
  const std::vector<std::string> expected{"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t size = 0; size <= text.size(); ++size)
    EXPECT_EQ(base64(text.substr(0, size)), expected[size]);
  EXPECT_EQ(base64("\xff\xff\xfe"), "///+");
}

}  // namespace
}  // namespace elves::worker
