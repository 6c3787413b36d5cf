namespace Coordinator.Silo.Operator;

/// <summary>Where a cluster is found.</summary>
/// <param name="Database">PostgreSQL connection string of its membership.</param>
/// <param name="Cluster">Its name.</param>
public sealed record ClusterPlace(string Database, string Cluster);
