#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "core/sparsity/mlp.hpp"

namespace synfire {

// What a predictor is trained on. All is borrowed.
struct MlpSamples {
  std::size_t n_inputs, n_neurons;
  std::span<const float> x;             // [n, n_inputs], of a scale near 1
  std::span<const std::uint8_t> fired;  // [n, n_neurons], 1 where a neuron fired

  [[nodiscard]] std::size_t n_rows() const { return fired.size() / n_neurons; }
};

struct MlpTraining {
  std::size_t batch_rows = 256;
  float learning_rate = 8e-3F;  // at the peak: a short rise, then a cosine down to 0
  // What a neuron that fired counts for, against one that did not: few fire, and one that is missed
  // costs more than one that is asked for nothing. The score 0 is then a firing's probability of
  // 1 / (1 + weight).
  float firing_weight = 8;
};

// Weighted binary cross entropy of the scores and, where `gradient` is no null, its gradient: a sum
// over neurons, a mean over rows. One thread.
double mlp_loss(const Mlp& mlp, const MlpSamples& samples, float firing_weight, Mlp* gradient);

// Trains by minibatches with Adam (Kingma and Ba, arXiv 1412.6980). One thread: the same samples
// give the same predictor on every run. A copy goes on from where the original was.
class MlpTrainer {
 public:
  // Starts at no rank: grow() comes first. The samples must outlive it.
  MlpTrainer(const MlpSamples& samples, const MlpTraining& training);

  // Hidden units are added up to `rank`; those that are there stay. The first of all is set to be
  // nearest to 1 for all inputs, times each neuron's log odds; those that come later begin with no
  // weight in any score.
  void grow(std::size_t rank);
  // Goes through the samples that many times, in an order of its own each time.
  void run(std::size_t epochs);
  [[nodiscard]] const Mlp& mlp() const { return mlp_; }

 private:
  // First and second moments of a matrix's gradients.
  struct Moments {
    std::vector<float> first, second;
  };
  struct Step {
    std::size_t index;  // over all of a run, from 1
    float learning_rate;
  };

  void start();
  void shuffle();
  void train_batch(std::span<const std::size_t> rows, const Step& step);

  MlpSamples samples_;
  MlpTraining training_;
  std::mt19937_64 random_{1};
  std::vector<std::size_t> order_;
  std::vector<float> batch_x_;
  std::vector<std::uint8_t> batch_fired_;
  Mlp mlp_, gradient_;
  Moments fc1_moments_, fc2_moments_;
};

}  // namespace synfire
