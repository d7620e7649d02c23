#include <memory>
#include <string>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/table.hpp"
#include "tools/text_input.hpp"

namespace synfire::cli {
namespace {

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(path));
  SYNFIRE_ASSIGN_OR_RETURN(Vocab vocab, read_vocab(file));
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::create(std::move(vocab));
  if (!tokenizer.ok()) return tokenizer.status().with_context(path);
  return tokenizer;
}

void print_ids(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids, bool json) {
  if (json) {
    boost::json::array array;
    for (const std::int32_t id : ids) {
      array.push_back({{"id", id}, {"piece", json_text(tokenizer.piece(id))}});
    }
    print_json({{"tokens", std::move(array)}});
    return;
  }
  Table table({{"ID", Table::Align::right}, {"PIECE"}});
  for (const std::int32_t id : ids) {
    table.add({std::to_string(id), quoted(tokenizer.piece(id))});
  }
  write_out(table.text());
}

Result<int> decode(const Tokenizer& tokenizer, const OptionValues& values) {
  const auto ids = values.get<std::vector<std::int32_t>>("decode");
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text,
                           tokenizer.decode(ids, values.get<bool>("special")));
  if (values.get<bool>("json")) {
    print_json({{"text", json_text(text)}});
  } else {
    print("{}\n", text);
  }
  return kExitOk;
}

Result<std::string> text_of(const OptionValues& values) {
  if (values.is_set("prompt")) return values.get<std::string>("prompt");
  return read_text(values.get<std::string>("file"));
}

}  // namespace

Status check_tokenize(const OptionValues& values) {
  if (values.get<std::string>("model").empty())
    return invalid_argument("--model: missing, want a file");
  const int sources =
      int{values.is_set("prompt")} + int{values.is_set("file")} + int{values.is_set("decode")};
  if (sources != 1) {
    return invalid_argument("got {} of --prompt, --file and --decode, want one", sources);
  }
  return {};
}

Result<int> tokenize(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto tokenizer, open_tokenizer(values.get<std::string>("model")));
  if (values.is_set("decode")) return decode(*tokenizer, values);
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, text_of(values));
  EncodeOptions options;
  options.parse_special = values.get<bool>("special");
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> ids, tokenizer->encode(text, options));
  print_ids(*tokenizer, ids, values.get<bool>("json"));
  return kExitOk;
}

}  // namespace synfire::cli
