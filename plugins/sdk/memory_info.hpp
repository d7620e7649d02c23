#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace synfire::sdk {

// A row of a file like /proc/meminfo ("MemAvailable:   123 kB"; those of NUMA nodes begin with
// "Node 0"), in bytes; 0 where it is not there.
inline std::uint64_t memory_info(std::string_view row, const char* path = "/proc/meminfo") {
  std::ifstream file(path);
  std::uint64_t kibibytes = 0;
  for (std::string word; file >> word;)
    if (word == row) return file >> kibibytes ? kibibytes * 1024 : 0;
  return 0;
}

// What the system could still give without swapping, bytes; 0 = unknown.
inline std::uint64_t available_memory() { return memory_info("MemAvailable:"); }

}  // namespace synfire::sdk
