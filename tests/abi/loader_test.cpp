#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "plugins/host/registry.hpp"
#include "tests/abi/plugin_folder.hpp"
#include "tests/abi/plugin_log.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;
using host::PluginRecord;
using host::PluginRegistry;
using test::PluginFolder;
using test::PluginLog;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

// The outcome of one file: loaded, or the loader's words (the file's own path cut out of them).
std::string outcome(const PluginRecord& record) {
  if (record.loaded()) return "loaded";
  std::string text = record.status.to_string();
  const std::string path = record.path.string();
  if (const std::size_t at = text.find(path); at != std::string::npos)
    text.replace(at, path.size(), "FILE");
  return text;
}

struct Fault {
  const char* file;
  const char* words;
};

// Each of these is loaded between two good plugins, which must not mind.
class BrokenPlugin : public testing::TestWithParam<Fault> {};

TEST_P(BrokenPlugin, SaysWhyAndTheOthersLoad) {
  const PluginFolder folder({"synfire_backend_first", GetParam().file, "synfire_predictor_oracle"});
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok()) << registry.status().to_string();
  std::map<std::string, std::string> outcomes;
  for (const PluginRecord& record : registry->records())
    outcomes[record.path.stem()] = outcome(record);
  EXPECT_EQ(outcomes["synfire_backend_first"], "loaded");
  EXPECT_EQ(outcomes["synfire_predictor_oracle"], "loaded");
  EXPECT_EQ(outcomes[GetParam().file], GetParam().words);
  EXPECT_TRUE(registry->require_backend("twin").ok());
  EXPECT_TRUE(registry->require_predictor("oracle").ok());
}

INSTANTIATE_TEST_SUITE_P(
    Loader, BrokenPlugin,
    testing::Values(
        Fault{"synfire_backend_wrong_major", "FAILED_PRECONDITION: built for ABI 2.3, want 1.x"},
        Fault{"synfire_backend_short_table",
              "FAILED_PRECONDITION: table of 56 bytes, want at least 64"},
        Fault{"synfire_backend_short_api",
              "FAILED_PRECONDITION: api: table of 192 bytes, want at least 200"},
        Fault{"synfire_backend_null_table",
              "FAILED_PRECONDITION: synfire_plugin_query gave no table"},
        Fault{"synfire_backend_null_name", "FAILED_PRECONDITION: it has no name"},
        Fault{"synfire_backend_null_version", "FAILED_PRECONDITION: it has no version"},
        Fault{"synfire_backend_null_initialize",
              "FAILED_PRECONDITION: initialize is null, want a function"},
        Fault{"synfire_backend_null_api", "FAILED_PRECONDITION: api is null, want a table"},
        Fault{"synfire_backend_null_function",
              "FAILED_PRECONDITION: api: submit is null, want a function"},
        Fault{"synfire_backend_half_pair",
              "FAILED_PRECONDITION: api: one of register_host_memory and unregister_host_memory is "
              "null, want both or none"},
        Fault{"synfire_backend_wrong_kind",
              "FAILED_PRECONDITION: kind 2, want 1 (backend), as the file is named"},
        Fault{"synfire_backend_init_fails", "UNAVAILABLE: initialize: no accelerator answers"},
        Fault{"synfire_backend_no_symbol",
              "FAILED_PRECONDITION: FILE: undefined symbol: synfire_plugin_query"},
        Fault{"synfire_backend_unresolved",
              "FAILED_PRECONDITION: FILE: undefined symbol: synfire_function_that_nobody_has"},
        Fault{"synfire_backend_missing",  // a link to a file that is not there
              "FAILED_PRECONDITION: FILE: cannot open shared object file: No such file or "
              "directory"},
        Fault{"synfire_backend_newer_minor", "loaded"},
        Fault{"synfire_backend_older_minor", "loaded"},
        Fault{"synfire_backend_without_registration", "loaded"}),
    [](const auto& fault) { return std::string(fault.param.file).substr(8); });

TEST(Loader, NotALibrary) {
  const PluginFolder folder({"synfire_backend_good"});
  std::ofstream(folder.path() / "synfire_backend_text.so")
      << "This is a text, and it goes on for longer than the header of a library would.\n";
  std::ofstream(folder.path() / "synfire_backend_empty.so");
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  ASSERT_EQ(registry->records().size(), 3u);
  EXPECT_EQ(outcome(registry->records()[0]), "FAILED_PRECONDITION: FILE: file too short");
  EXPECT_EQ(outcome(registry->records()[1]), "loaded");
  EXPECT_EQ(outcome(registry->records()[2]), "FAILED_PRECONDITION: FILE: invalid ELF header");
}

TEST(Loader, RecordSaysWhatWasLoaded) {
  const PluginFolder folder({"synfire_backend_newer_minor"});
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  ASSERT_EQ(registry->records().size(), 1u);
  const PluginRecord& record = registry->records()[0];
  EXPECT_EQ(record.path, folder.path() / "synfire_backend_newer_minor.so");
  EXPECT_EQ(record.kind, host::PluginKind::backend);
  EXPECT_EQ(record.name, "newer_minor");
  EXPECT_EQ(record.version, "1.2.3");
  EXPECT_EQ(record.description, "a stub");
  EXPECT_EQ(record.abi_major, SYNFIRE_ABI_MAJOR);
  EXPECT_EQ(record.abi_minor, SYNFIRE_ABI_MINOR + 7);
}

TEST(Loader, OfTwoWithOneNameTheFirstStays) {
  const PluginFolder folder({"synfire_backend_second", "synfire_backend_first"});
  PluginLog log;
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  ASSERT_EQ(registry->records().size(), 2u);
  EXPECT_EQ(outcome(registry->records()[0]), "loaded");
  EXPECT_EQ(outcome(registry->records()[1]),
            "ALREADY_EXISTS: backend 'twin' was already loaded from " +
                (folder.path() / "synfire_backend_first.so").string());
  EXPECT_THAT(log.take(), ElementsAre("twin: initialize"));
}

TEST(Loader, DirectoriesAreSearchedInTheirOrder) {
  const PluginFolder one({"synfire_backend_second"});
  const PluginFolder two({"synfire_backend_first", "synfire_backend_good"});
  const Result<PluginRegistry> registry = PluginRegistry::load(std::vector{one.path(), two.path()});
  ASSERT_TRUE(registry.ok());
  std::vector<std::string> loaded;
  for (const PluginRecord& record : registry->records())
    if (record.loaded()) loaded.push_back(record.path.filename());
  EXPECT_THAT(loaded, ElementsAre("synfire_backend_second.so", "synfire_backend_good.so"));
}

TEST(Loader, OtherFilesAreNotLookedAt) {
  const PluginFolder folder({});
  for (const char* name : {"synfire_backend_.so", "backend_good.so", "synfire_backend_good.so.1",
                           "synfire_transport_tcp.so", "libsynfire_backend_good.so", "notes.txt"})
    std::ofstream(folder.path() / name) << "no plugin";
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  EXPECT_THAT(registry->records(), IsEmpty());
}

TEST(Loader, RelativeDirectoryIsAnError) {
  const PluginFolder folder({"synfire_backend_good"});
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  for (const char* directory : {"", ".", "plugins"})
    EXPECT_EQ(
        PluginRegistry::load(std::vector<fs::path>{directory}).status(),
        invalid_argument("plugin directory '{}' is relative, want an absolute path", directory));
  fs::current_path(before);
}

TEST(Loader, MissingDirectoryIsAnError) {
  EXPECT_EQ(PluginRegistry::load(std::vector<fs::path>{"/nowhere/plugins"}).status(),
            Status(StatusCode::not_found,
                   "plugin directory /nowhere/plugins: No such file or directory"));
}

TEST(Loader, RequiredPluginThatFailedGivesTheLoadersWords) {
  const PluginFolder folder({"synfire_backend_good", "synfire_backend_unresolved"});
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  const Status status = registry->require_backend("unresolved").status();
  const std::string file = (folder.path() / "synfire_backend_unresolved.so").string();
  EXPECT_EQ(status.message(), "backend 'unresolved' was not loaded from " + file + ": " + file +
                                  ": undefined symbol: synfire_function_that_nobody_has");
}

TEST(Loader, RequiredPluginThatIsNotThereNamesThoseThatAre) {
  const PluginFolder folder({"synfire_backend_good", "synfire_backend_first"});
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  EXPECT_EQ(registry->require_backend("cuda").status(),
            Status(StatusCode::not_found, "backend 'cuda' is not installed; there is: twin, good"));
  EXPECT_EQ(registry->require_predictor("good").status(),
            Status(StatusCode::not_found, "predictor 'good' is not installed; there is: none"));
}

TEST(Loader, OptionalPluginMayBeMissing) {
  const PluginFolder folder({"synfire_backend_good"});
  const Result<PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  testing::internal::CaptureStderr();
  EXPECT_FALSE(registry->optional_backend("cuda").has_value());
  EXPECT_FALSE(registry->optional_predictor("svd").has_value());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("backend 'cuda' is not installed; there is: good"));
  EXPECT_THAT(log, HasSubstr("predictor 'svd' is not installed; there is: none"));
  EXPECT_TRUE(registry->optional_backend("good").has_value());
}

TEST(Loader, ShutDownOnceAfterTheLastUser) {
  const PluginFolder folder({"synfire_backend_good"});
  PluginLog log;
  std::optional<host::Backend> kept;
  {
    const Result<PluginRegistry> one = folder.load();
    const Result<PluginRegistry> two = folder.load();
    ASSERT_TRUE(one.ok() && two.ok());
    kept = one->backends().at(0);
    EXPECT_THAT(log.take(), ElementsAre("good: initialize"));
  }
  EXPECT_THAT(log.take(), IsEmpty());
  kept.reset();
  EXPECT_THAT(log.take(), ElementsAre("good: shutdown"));
}

TEST(Loader, LoadedAgainAfterItsShutdown) {
  const PluginFolder folder({"synfire_backend_good"});
  PluginLog log;
  ASSERT_TRUE(folder.load().ok());
  ASSERT_TRUE(folder.load().ok());
  EXPECT_THAT(log.take(), ElementsAre("good: initialize", "good: shutdown", "good: initialize",
                                      "good: shutdown"));
}

TEST(Loader, FailedInitializationIsNotTriedAgain) {
  const PluginFolder folder({"synfire_backend_init_fails"});
  const Result<PluginRegistry> first = folder.load();
  PluginLog log;
  const Result<PluginRegistry> second = folder.load();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->records()[0].status, first->records()[0].status);
  EXPECT_EQ(outcome(second->records()[0]), "UNAVAILABLE: initialize: no accelerator answers");
  EXPECT_THAT(log.take(), IsEmpty());
}

TEST(Loader, RegistriesOfSeveralThreadsShareAnInitialization) {
  const PluginFolder folder({"synfire_backend_good"});
  PluginLog log;
  {
    const Result<PluginRegistry> first = folder.load();
    std::vector<std::thread> threads;
    std::atomic<int> loaded = 0;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        const Result<PluginRegistry> mine = folder.load();
        if (mine.ok() && mine->require_backend("good").ok()) ++loaded;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(loaded, 4);
  }
  EXPECT_THAT(log.take(), ElementsAre("good: initialize", "good: shutdown"));
}

TEST(Loader, DefaultDirectoryIsBesideTheProgram) {
  const Result<fs::path> directory = host::default_plugin_dir();
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(*directory, test::plugin_dir());  // of BUILD/tests/abi_test as of BUILD/bin/synfire
}

}  // namespace
}  // namespace synfire
