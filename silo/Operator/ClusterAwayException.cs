namespace Coordinator.Silo.Operator;

/// <summary>No silo of a cluster answers its Orleans clients.</summary>
public sealed class ClusterAwayException(string cluster, Exception why) : Exception(
    $"no silo of cluster '{cluster}' answers: {why.Message}", why);
