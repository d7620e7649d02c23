#pragma once

namespace synfire {

// Sends what gRPC itself has to say to the log of the process: its errors as warnings, the rest as
// debug lines. Any thread, any number of times.
void route_grpc_log();

}  // namespace synfire
