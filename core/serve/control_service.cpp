#include "core/serve/control_service.hpp"

#include "core/serve/control_translate.hpp"

namespace synfire {
namespace {

grpc::ServerUnaryReactor* finish(grpc::CallbackServerContext& context) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* ControlService::GetModelInfo(grpc::CallbackServerContext* context,
                                                       const v1::GetModelInfoRequest*,
                                                       v1::GetModelInfoResponse* response) {
  *response = to_proto(engine_.model());
  return finish(*context);
}

grpc::ServerUnaryReactor* ControlService::ListDevices(grpc::CallbackServerContext* context,
                                                      const v1::ListDevicesRequest*,
                                                      v1::ListDevicesResponse* response) {
  *response = to_proto(engine_.devices());
  return finish(*context);
}

grpc::ServerUnaryReactor* ControlService::ListPlugins(grpc::CallbackServerContext* context,
                                                      const v1::ListPluginsRequest*,
                                                      v1::ListPluginsResponse* response) {
  *response = to_proto(engine_.plugins());
  return finish(*context);
}

grpc::ServerUnaryReactor* ControlService::GetPlacement(grpc::CallbackServerContext* context,
                                                       const v1::GetPlacementRequest*,
                                                       v1::GetPlacementResponse* response) {
  *response = to_proto(engine_.placement());
  return finish(*context);
}

grpc::ServerUnaryReactor* ControlService::GetStats(grpc::CallbackServerContext* context,
                                                   const v1::GetStatsRequest*,
                                                   v1::GetStatsResponse* response) {
  *response = to_proto(engine_.stats());
  return finish(*context);
}

}  // namespace synfire
