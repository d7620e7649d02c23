#include "tools/eval_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/model/fingerprint.hpp"
#include "tools/json.hpp"

namespace synfire::cli {
namespace {

namespace json = boost::json;

Status wrong_shape(const std::string& path, std::string_view what) {
  return invalid_argument("{}: no {}, want a file of `synfire predictor eval --json`", path, what);
}

Result<json::object> read_object(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error(StatusCode::not_found, "{}: cannot open, want a file of --eval", path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (failed || !value.is_object()) return wrong_shape(path, "JSON object");
  return std::move(value.as_object());
}

// The members of one file, looked at.
class EvalFile {
 public:
  static Result<EvalFile> read(const std::string& path) {
    SYNFIRE_ASSIGN_OR_RETURN(json::object root, read_object(path));
    EvalFile file(path, std::move(root));
    const json::value* const exact = file.root_.if_contains("exact");
    if (exact == nullptr || !exact->is_object()) return wrong_shape(path, "\"exact\"");
    SYNFIRE_ASSIGN_OR_RETURN(file.model_, file.number(file.root_, "model"));
    SYNFIRE_ASSIGN_OR_RETURN(file.tokens_, file.number(file.root_, "tokens"));
    SYNFIRE_ASSIGN_OR_RETURN(file.perplexity_, file.number(exact->as_object(), "perplexity"));
    return file;
  }

  [[nodiscard]] Status check_model(const GgufFile& model) const {
    const std::uint32_t wanted = model_fingerprint(model);
    if (model_ == wanted) return {};
    return error(StatusCode::failed_precondition,
                 "{}: of another model: fingerprint {:.0f}, want {} of {}", path_, model_, wanted,
                 model.path());
  }
  [[nodiscard]] Status check_text(const EvalFile& first) const {
    const bool same = tokens_ == first.tokens_ &&
                      std::fabs(perplexity_ - first.perplexity_) <= 1e-3 * first.perplexity_;
    if (same) return {};
    return error(StatusCode::failed_precondition,
                 "{}: perplexity {:.4f} of exact on {:.0f} tokens, want {:.4f} on {:.0f} as in {}: "
                 "points of one picture are of one text",
                 path_, perplexity_, tokens_, first.perplexity_, first.tokens_, first.path_);
  }
  Status add_points(std::vector<LossSeries>& series) const {
    const json::value* const all = root_.if_contains("predictors");
    if (all == nullptr || !all->is_array()) return wrong_shape(path_, "\"predictors\"");
    for (const json::value& one : all->as_array()) {
      const json::object* const predictor = one.if_object();
      const json::value* const name = predictor ? predictor->if_contains("name") : nullptr;
      if (name == nullptr || !name->is_string()) return wrong_shape(path_, "\"name\"");
      const json::value* const points = predictor->if_contains("points");
      if (points == nullptr || !points->is_array()) return wrong_shape(path_, "\"points\"");
      LossSeries& to = series_of(std::string(name->as_string()), series);
      for (const json::value& point : points->as_array())
        SYNFIRE_RETURN_IF_ERROR(add_point(point, to));
    }
    return {};
  }

 private:
  EvalFile(std::string path, json::object root) : path_(std::move(path)), root_(std::move(root)) {}

  static LossSeries& series_of(const std::string& name, std::vector<LossSeries>& series) {
    const auto found = std::ranges::find(series, name, &LossSeries::name);
    return found != series.end() ? *found : series.emplace_back(LossSeries{name, {}});
  }
  Status add_point(const json::value& value, LossSeries& to) const {
    if (!value.is_object()) return wrong_shape(path_, "objects in \"points\"");
    LossPoint point;
    SYNFIRE_ASSIGN_OR_RETURN(point.of_exact, number(value.as_object(), "of_exact"));
    SYNFIRE_ASSIGN_OR_RETURN(point.loss, number(value.as_object(), "loss"));
    SYNFIRE_ASSIGN_OR_RETURN(point.loss_error, number(value.as_object(), "loss_error"));
    if (point.of_exact <= 0)
      return invalid_argument("{}: of_exact: {}, want over 0", path_, point.of_exact);
    to.points.push_back(point);
    return {};
  }
  [[nodiscard]] Result<double> number(const json::object& object, std::string_view name) const {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_number())
      return wrong_shape(path_, fmt::format("number \"{}\"", name));
    return value->to_number<double>();
  }

  std::string path_;
  json::object root_;
  double model_ = 0, tokens_ = 0, perplexity_ = 0;
};

}  // namespace

Result<std::vector<LossSeries>> read_eval_points(const std::vector<std::string>& paths,
                                                 const GgufFile& model) {
  std::vector<EvalFile> files;
  std::vector<LossSeries> series;
  for (const std::string& path : paths) {
    SYNFIRE_ASSIGN_OR_RETURN(EvalFile file, EvalFile::read(path));
    SYNFIRE_RETURN_IF_ERROR(file.check_model(model));
    if (!files.empty()) SYNFIRE_RETURN_IF_ERROR(file.check_text(files.front()));
    SYNFIRE_RETURN_IF_ERROR(file.add_points(series));
    files.push_back(std::move(file));
  }
  std::erase_if(series, [](const LossSeries& one) { return one.points.empty(); });
  return series;
}

}  // namespace synfire::cli
