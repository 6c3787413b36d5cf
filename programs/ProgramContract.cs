namespace Coordinator.Programs;

/// <summary>The version of this contract. A worker runs programs that were built against its own version, and refuses others by
/// name.</summary>
public static class ProgramContract
{
    /// <summary>Raised by every change after which a program has to be built again. It is the first number of this assembly's
    /// version.</summary>
    public const int Version = 1;
}
