using Coordinator.Machines;

namespace Coordinator.Worker.Programs;

/// <summary>What a worker says to jobs that bring a program of their own, where it runs none.</summary>
public static class OwnPrograms
{
    /// <summary>A refusal, which blames no gpu.</summary>
    /// <param name="user">The user that this worker runs programs as, where one is named and this program could not be run as it; null: it
    /// runs none at all.</param>
    public static RankFaultException Refused(string? user) => new(
        FaultKind.Worker,
        user is null
            ? "this worker runs no programs of jobs, since whoever may submit one could run anything on its host; start it with "
            + "--allow-programs, and with --program-user where it can"
            : $"this worker runs programs of jobs as the user {user}, and a program in .NET runs inside the worker, with all that the "
            + $"worker may do; start it without --program-user, or use a program that is a process");
}
