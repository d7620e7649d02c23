#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

// The commands, one file each. check_X() says what is wrong with the options taken together (exit
// code 2); X() does the work and gives the exit code, or the error that stopped it (exit code 1).
namespace synfire::cli {

Status check_run(const OptionValues& values);
Result<int> run(const OptionValues& values);

Status check_serve(const OptionValues& values);
Result<int> serve(const OptionValues& values);

Status check_generate(const OptionValues& values);
Result<int> generate(const OptionValues& values);

Status check_verify(const OptionValues& values);
Result<int> verify(const OptionValues& values);

Status check_tokenize(const OptionValues& values);
Result<int> tokenize(const OptionValues& values);

Status check_bench(const OptionValues& values);
Result<int> bench(const OptionValues& values);

Status check_perplexity(const OptionValues& values);
Result<int> perplexity(const OptionValues& values);

Status check_profile(const OptionValues& values);
Result<int> profile(const OptionValues& values);

Status check_predictor(const OptionValues& values);
Result<int> predictor(const OptionValues& values);

Status check_plan(const OptionValues& values);
Result<int> plan(const OptionValues& values);

Status check_inspect(const OptionValues& values);
Result<int> inspect(const OptionValues& values);

Status check_convert(const OptionValues& values);
Result<int> convert(const OptionValues& values);

Status check_quantize(const OptionValues& values);
Result<int> quantize(const OptionValues& values);

Status check_synth(const OptionValues& values);
Result<int> synth(const OptionValues& values);

Status check_devices(const OptionValues& values);
Result<int> devices(const OptionValues& values);

Status check_plugins(const OptionValues& values);
Result<int> plugins(const OptionValues& values);

}  // namespace synfire::cli
