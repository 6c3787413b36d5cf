namespace Coordinator.Server.Storage;

/// <summary>What lies where the database should be is none of the coordinator's, or a damaged one. Nothing was changed.</summary>
/// <param name="path">The file.</param>
/// <param name="why">What is wrong with it, without a full stop.</param>
/// <param name="remedy">What to do about it, as a sentence.</param>
/// <param name="inner">What led here.</param>
public sealed class StoreUnusableException(string path, string why, string remedy, Exception? inner = null)
    : Exception($"the database '{path}' cannot be used: {why}. {remedy}", inner);
