using Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Gateway;

internal static partial class GatewayLog
{
    [LoggerMessage(1, LogLevel.Debug, "worker of node {Node} connected, session {Session}")]
    public static partial void Connected(ILogger logger, NodeId node, WorkerSession session);

    [LoggerMessage(2, LogLevel.Debug, "worker of node {Node} disconnected, session {Session}: {Reason}")]
    public static partial void Disconnected(ILogger logger, NodeId node, WorkerSession session, string reason);

    [LoggerMessage(3, LogLevel.Warning, "a worker's connection was refused: {Reason}")]
    public static partial void Refused(ILogger logger, string reason);
}
