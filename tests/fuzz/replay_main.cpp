// Runs a fuzz target once on every file of the folders (or files) it is given, and on growing
// beginnings of each. A finding is a crash or a sanitizer's report; so is a folder without files.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBeginnings = 256;  // at most so many beginnings of one file

std::size_t replay_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  const std::size_t step = bytes.size() / kBeginnings + 1;
  std::size_t runs = 0;
  for (std::size_t size = 0; size <= bytes.size(); size += step, ++runs) {
    // A copy of exactly this size: the address sanitizer sees one byte too far.
    const std::vector<std::uint8_t> beginning(bytes.begin(),
                                              bytes.begin() + static_cast<long>(size));
    LLVMFuzzerTestOneInput(beginning.data(), beginning.size());
  }
  const std::vector<std::uint8_t> whole(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(whole.data(), whole.size());
  return runs + 1;
}

std::size_t replay(const fs::path& path) {
  if (!fs::is_directory(path)) return fs::exists(path) ? replay_file(path) : 0;
  std::size_t runs = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) runs += replay_file(entry.path());
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t runs = 0;
  for (int i = 1; i < argc; ++i) runs += replay(argv[i]);
  std::printf("%zu inputs replayed\n", runs);
  return runs > 0 ? 0 : 1;
}
