#include <condition_variable>
#include <mutex>

#include "core/serve/grpc_server.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/stop_signals.hpp"

namespace synfire::cli {
namespace {

constexpr Duration kDrainLimit = std::chrono::seconds(30);

void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
}

// The one line on stdout, for whoever started the server.
void announce(const Endpoint& endpoint, bool json) {
  if (json) {
    print_json({{"listening", endpoint.to_string()}, {"port", endpoint.port}});
  } else {
    print("listening on {}\n", endpoint.to_string());
  }
  flush_out();
}

}  // namespace

Status check_serve(const OptionValues& values) { return check_engine_options(values); }

Result<int> serve(const OptionValues& values) {
  const StopSignals signals;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(values));
  describe_engine(*engine);
  ServerConfig config;
  config.listen = values.get<Endpoint>("listen");
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                           GrpcServer::start(config, *engine));
  announce(server->endpoint(), values.get<bool>("json"));
  wait_for(signals.token());
  note("draining; a second signal ends at once\n");
  if (!server->drain(kDrainLimit)) note("some calls were cancelled\n");
  return kExitOk;
}

}  // namespace synfire::cli
