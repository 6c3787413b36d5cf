namespace Coordinator.Runs.Clusters;

/// <summary>What a schedule's kills act on: the demo's own processes, or a test's list.</summary>
public interface IKillTargets
{
    /// <summary>SIGKILL to a worker's process.</summary>
    /// <returns>Its process id, or null where it was down.</returns>
    int? KillWorker(int worker);

    /// <summary>SIGKILL to a silo's process.</summary>
    /// <returns>Its name and process id, or null where it was down.</returns>
    (string Name, int Pid)? KillSilo(int silo);
}
