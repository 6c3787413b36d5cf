namespace Coordinator.Silo.Storage;

/// <summary>Silos run on the database whose messages this build's silos do not understand, and which do not understand theirs.</summary>
public sealed class OlderSilosException(string silos) : Exception(
    $"silos of an older build run on this database ({silos}), and do not understand this one. Stop all silos, and then start the new ones; "
        + "nothing was changed.");
