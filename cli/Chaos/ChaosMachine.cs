using Coordinator.Cli.Chaos.Hosts;

namespace Coordinator.Cli.Chaos;

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

    /// <summary>Looks at the machine; namespaces by making one that ends at once.</summary>
    public static ChaosMachine Look() => new()
    {
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
        ChaosNeed.FakeTime when FakeTimeLibrary is null => "needs libfaketime (Debian: apt-get install faketime)",
        _ => null,
    };
}
