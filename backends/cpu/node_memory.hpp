#pragma once

#include <cstddef>

namespace synfire::cpu {

// Asks for the pages of a stretch of memory from a NUMA node (its OS number) when they are first
// touched; another node gives them where that one is full. Pages that lie partly outside of the
// stretch, or are there already, stay as they are. False: the system would not (no NUMA, a
// sandbox): then pages come from the node of the thread that touches them first.
bool bind_to_node(void* memory, std::size_t bytes, unsigned node);

// Asks for huge pages where a stretch of memory is not touched yet. A hint.
void prefer_huge_pages(void* memory, std::size_t bytes);

}  // namespace synfire::cpu
