#pragma once

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

  // The least margin that is predicted; `worth` is price * w * e^2 in bytes.
  [[nodiscard]] double margin(double worth) const;

 private:
  std::vector<double> worth_;  // by margin, falling: the logarithm of what makes it pay
};

}  // namespace synfire
