using Coordinator.Lab.Chaos.Hosts;

namespace Coordinator.Lab.Chaos;

/// <summary>What is known of the machine, as far as scenarios depend on it.</summary>
public sealed record ChaosMachine
{
    /// <summary>Whether it runs Linux.</summary>
    public required bool IsLinux { get; init; }

    /// <summary>Why namespaces cannot be made; null where they can.</summary>
    public required string? NamespaceTrouble { get; init; }

    /// <summary>Whether <c>ip</c> is installed.</summary>
    public required bool HasIp { get; init; }

    /// <summary>libfaketime's file; null where it is not installed.</summary>
    public required string? FakeTimeLibrary { get; init; }

    /// <summary>
    /// Whether the silos store in PostgreSQL. Under libfaketime the timed reads of its client expire at once: such a silo comes up and then
    /// stores nothing, which says nothing about a clock that is wrong.
    /// </summary>
    public bool UsesPostgres { get; init; }

    /// <summary>Looks at the machine; namespaces by making one that ends at once.</summary>
    /// <param name="usesPostgres">Whether the silos will store in PostgreSQL.</param>
    public static ChaosMachine Look(bool usesPostgres = false) => new()
    {
        UsesPostgres = usesPostgres,
        IsLinux = OperatingSystem.IsLinux(),
        NamespaceTrouble = Namespace.WhyNone(),
        HasIp = Tool.Find("ip") is not null,
        FakeTimeLibrary = SteppedClock.FindLibrary(),
    };

    /// <summary>Why a need is not met, with the remedy; null where it is.</summary>
    public string? WhyNot(ChaosNeed need) => need switch
    {
        ChaosNeed.Linux when !IsLinux => "needs Linux",
        ChaosNeed.Namespaces when NamespaceTrouble is not null => $"needs namespaces of its own: {NamespaceTrouble}",
        ChaosNeed.Ip when !HasIp => "needs 'ip' (Debian: apt-get install iproute2)",
        ChaosNeed.FakeTime when UsesPostgres => "needs another way to step a clock: under libfaketime the client of PostgreSQL, which the "
            + "silos of a cluster use, answers nothing",
        ChaosNeed.FakeTime when FakeTimeLibrary is null => "needs libfaketime (Debian: apt-get install faketime)",
        _ => null,
    };
}
