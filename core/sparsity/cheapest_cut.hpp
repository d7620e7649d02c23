#pragma once

#include <span>
#include <vector>

namespace synfire {

// Where to cut the scores of neurons so that bytes and errors together cost least.
//
// A neuron's gate is taken as normal around what its score tells, with standard error e. Predicted,
// it costs `asked` bytes for its gate, and `active` more where that is over 0. Skipped, it costs an
// error: the square of what its output would have been, w times the square of its gate. With bytes
// for an error of one as the price, it is predicted where
//
//   price * w * e^2 * E[max(z, 0)^2] >= asked + active * P(z > 0),   z normal around the margin,
//
// that is, from some margin on, which depends on price * w * e^2 alone.
class CheapestCut {
 public:
  CheapestCut(double asked, double active);
  // The same without the normal: of scores that say alike of all neurons how likely they fire, such
  // as log odds, and of what was seen. The scores themselves are the margins, and errors are 1.
  // `costs`: of skipping, where w is 1; 0 where nothing fires. All of one size.
  [[nodiscard]] static CheapestCut seen(double asked, double active, std::span<const float> scores,
                                        std::span<const float> gates, std::span<const float> costs);

  // The least margin that is predicted; `worth` is price * w * e^2 in bytes.
  [[nodiscard]] double margin(double worth) const;

 private:
  CheapestCut() = default;

  double least_ = 0, step_ = 0;  // the first margin of the table, and from one to the next
  std::vector<double> worth_;    // by margin, falling: the logarithm of what makes it pay
};

}  // namespace synfire
