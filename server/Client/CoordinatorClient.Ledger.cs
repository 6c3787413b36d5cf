using Coordinator.Machines;
using Coordinator.Machines.Ledger;

namespace Coordinator.Server.Client;

/// <content>Where rank-seconds went.</content>
public sealed partial class CoordinatorClient
{
    /// <summary>A job's ledger, or null.</summary>
    public Task<JobLedger?> GetLedgerAsync(JobId job, CancellationToken cancel = default) =>
        FindAsync($"jobs/{Escape(job.Value)}/ledger", MachinesJson.Default.JobLedger, cancel);
}
