// The heap, the linked list and the cutting of text into independent parts, against the plain
// definition: look at all neighbours, join the best pair, begin again.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

constexpr std::string_view kLetters = "abcd";

// Of two neighbours; smaller is better, nothing: they do not join.
using PairRank = std::function<std::optional<double>(const std::string&, const std::string&)>;

std::vector<std::string> merge_plainly(std::vector<std::string> parts, const PairRank& rank_of) {
  for (;;) {
    std::size_t best = parts.size();
    double best_rank = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const std::optional<double> rank = rank_of(parts[i], parts[i + 1]);
      if (!rank || *rank >= best_rank) continue;
      best = i;
      best_rank = *rank;
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::string join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : "|") + part;
  return joined;
}

std::string random_word(std::mt19937& random, std::size_t max) {
  std::string word;
  for (std::size_t n = 1 + random() % max; n > 0; --n) word += kLetters[random() % kLetters.size()];
  return word;
}

std::vector<std::string> letters_of(const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  return parts;
}

TEST(MergeOrder, SentencePieceFollowsTheDefinition) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    Vocab vocab = test::small_spm({"a", "b", "c", "d"});
    vocab.add_space_prefix = false;
    std::map<std::string, float> scores;
    for (std::size_t i = 0; i < 5 + random() % 20; ++i) {
      const std::string piece = random_word(random, 4);
      const auto score = -static_cast<float>(random() % 8);  // with ties
      if (piece.size() < 2 || !scores.emplace(piece, score).second) continue;
      test::add_token(vocab, piece, TokenType::normal, score);
    }
    const auto tokenizer = test::make_tokenizer(vocab);
    const PairRank rank_of = [&](const auto& left, const auto& right) -> std::optional<double> {
      const auto found = scores.find(left + right);
      if (found == scores.end()) return {};
      return -found->second;
    };
    for (int i = 0; i < 40; ++i) {
      const std::string text = random_word(random, 40);
      ASSERT_EQ(test::pieces_of(*tokenizer, text), join(merge_plainly(letters_of(text), rank_of)));
    }
  }
}

using Merges = std::vector<std::pair<std::string, std::string>>;

// Pairs of what is there already: letters and results of earlier merges.
Merges random_merges(std::mt19937& random) {
  std::vector<std::string> tokens = letters_of(std::string(kLetters));
  Merges merges;
  for (std::size_t i = 0; i < 3 + random() % 15; ++i) {
    const std::string left = tokens[random() % tokens.size()];
    const std::string right = tokens[random() % tokens.size()];
    if (std::ranges::find(tokens, left + right) != tokens.end()) continue;
    merges.emplace_back(left, right);
    tokens.push_back(left + right);
  }
  return merges;
}

TEST(MergeOrder, ByteLevelFollowsTheDefinition) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    const Merges merges = random_merges(random);
    Vocab vocab = test::small_bpe({});
    for (const auto& [left, right] : merges) {
      test::add_token(vocab, left + right, TokenType::normal);
      vocab.merges.push_back(left + " " + right);
    }
    const auto tokenizer = test::make_tokenizer(vocab);
    const PairRank rank_of = [&](const auto& left, const auto& right) -> std::optional<double> {
      const auto found = std::ranges::find(merges, std::pair(left, right));
      if (found == merges.end()) return {};
      return static_cast<double>(found - merges.begin());
    };
    for (int i = 0; i < 40; ++i) {
      const std::string text = random_word(random, 40);
      ASSERT_EQ(test::pieces_of(*tokenizer, text), join(merge_plainly(letters_of(text), rank_of)));
    }
  }
}

}  // namespace
}  // namespace synfire
