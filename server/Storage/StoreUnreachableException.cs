namespace Coordinator.Server.Storage;

/// <summary>There is no database where one was named, or it does not let us in.</summary>
public sealed class StoreUnreachableException(string where, Exception why) : Exception(
    $"cannot use the PostgreSQL database {where}: {why.Message}. Start it, create the database, or correct --database.", why);
