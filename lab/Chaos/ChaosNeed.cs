namespace Coordinator.Lab.Chaos;

/// <summary>What a scenario needs of the machine or the engine. Where it is missing the scenario is skipped, and says so.</summary>
public enum ChaosNeed
{
    /// <summary>Signals and <c>/proc</c>.</summary>
    Linux,

    /// <summary>Namespaces of its own: root, and <c>unshare</c> and <c>nsenter</c> of util-linux.</summary>
    Namespaces,

    /// <summary><c>ip</c> of iproute2.</summary>
    Ip,

    /// <summary>libfaketime.</summary>
    FakeTime,
}
