using System.Diagnostics;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Worker.Faults;

namespace Coordinator.Lab.Chaos;

/// <summary>What is to be broken in the runs themselves, so that the checks are seen to find it.</summary>
public enum ChaosInjection
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One worker flips one bit of one contribution: the hash must differ.</summary>
    Flip,

    /// <summary>The record of one step is deleted from the silos' storage: the record must have a gap.</summary>
    Forget,
}

/// <summary>
/// Carries scenarios out, one after the other, each on processes of its own, and judges them by the undisturbed run of the same job.
/// </summary>
public sealed class ChaosRunner(ChaosMachine machine, SiloBackend backend, ulong seed, ChaosInjection injection, string? workDirectory)
{
    private readonly Dictionary<(long Steps, int Workers), ChaosRecord> undisturbed = [];
    private readonly RunDirectory directory = RunDirectory.Take(workDirectory);
    private int runs;
    private bool keep;

    private static readonly ChaosScenario Undisturbed = new("undisturbed", "nothing is done", _ => Task.CompletedTask);

    /// <summary>Carries one scenario out. What goes wrong with it is its verdict, not an exception.</summary>
    public async Task<ChaosResult> RunAsync(ChaosScenario scenario, CancellationToken cancel)
    {
        if (scenario.WhySkipped(machine) is { } why)
            return new ChaosResult(scenario.Name, ChaosVerdict.Skipped) { Reasons = [why] };
        var clock = Stopwatch.StartNew();
        try
        {
            var pace = await UndisturbedAsync(ChaosPlan.ShortSteps, scenario.Workers, cancel);
            var steps = ChaosPlan.StepsFor(scenario.Length, pace.StepMs ?? 10);
            var expected = await UndisturbedAsync(steps, scenario.Workers, cancel);
            return await RunAsync(scenario, steps, expected, cancel);
        }
        catch (Exception failed) when (IsExpected(failed) && !cancel.IsCancellationRequested)
        {
            keep = true;
            return new ChaosResult(
                scenario.Name,
                ChaosVerdict.Failed)
            { Took = clock.Elapsed, Reasons = [$"the undisturbed run: {Message(failed)}"], Logs = directory.Path };
        }
    }

    /// <summary>Removes the logs, if they are temporary and nothing failed.</summary>
    public void Clean()
    {
        if (!keep)
            directory.RemoveIfTemporary();
    }

    private async Task<ChaosResult> RunAsync(ChaosScenario scenario, long steps, ChaosRecord expected, CancellationToken cancel)
    {
        var logs = directory.File($"{++runs:00}-{scenario.Name}");
        var plan = new ChaosPlan(seed, steps);
        List<ChaosDeed> deeds = [];
        var clock = Stopwatch.StartNew();
        try
        {
            var record = await TrainAsync(
                scenario, plan, scenario.Limit + (2 * expected.Took), RunDirectory.Create(logs), injection, deeds, cancel);
            string[] complaints = [.. ChaosChecks.Complaints(record, expected.ModelSha256!, steps), .. scenario.Check(record)];
            keep |= complaints.Length > 0;
            return new ChaosResult(scenario.Name, complaints.Length == 0 ? ChaosVerdict.Passed : ChaosVerdict.Failed)
            {
                Deeds = deeds,
                Reasons = complaints,
                Recovery = record.Recovery,
                Took = record.Took,
                Steps = steps,
                Again = record.Steps.Count - record.Steps.Select(stored => stored.Step.Step).Distinct().LongCount(),
                Failures = record.Job.Failures,
                ModelSha256 = record.ModelSha256,
                Logs = complaints.Length == 0 ? null : logs,
            };
        }
        catch (Exception failed) when (IsExpected(failed) && !cancel.IsCancellationRequested)
        {
            keep = true;
            return new ChaosResult(
                scenario.Name,
                ChaosVerdict.Failed)
            { Deeds = deeds, Took = clock.Elapsed, Steps = steps, Reasons = [Message(failed)], Logs = logs };
        }
    }

    /// <summary>The same job, left alone; each length is trained once.</summary>
    private async Task<ChaosRecord> UndisturbedAsync(long steps, int workers, CancellationToken cancel)
    {
        if (undisturbed.TryGetValue((steps, workers), out var known))
            return known;
        var scenario = Undisturbed with { Workers = workers, Limit = TimeSpan.FromMinutes(10) };
        var record = await TrainAsync(
            scenario,
            new ChaosPlan(seed, steps),
            scenario.Limit,
            RunDirectory.Create(directory.File($"{++runs:00}-undisturbed-{steps}")),
            ChaosInjection.None,
            [],
            cancel);
        if (record.ModelSha256 is null || ChaosChecks.Complaints(record, record.ModelSha256, steps).ToArray() is { Length: > 0 })
            throw new ChaosException(string.Join("; ", ChaosChecks.Complaints(record, record.ModelSha256 ?? "", steps)));
        return undisturbed[(steps, workers)] = record;
    }

    private async Task<ChaosRecord> TrainAsync(
        ChaosScenario scenario, ChaosPlan plan, TimeSpan time, RunDirectory folder, ChaosInjection injected, List<ChaosDeed> deeds, CancellationToken cancel)
    {
        var (spec, data) = Freeze(scenario, plan, folder);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(time);
        ChaosRun? run = null;
        var waitingFor = "the processes to come up";
        try
        {
            var stage = await ChaosStage.StartAsync(
                scenario,
                plan,
                spec,
                data,
                machine,
                backend,
                folder,
                (worker, start) => Planted(injected, plan, worker, start),
                limit.Token);
            await using (stage)
            {
                var clock = Stopwatch.StartNew();
                run = new ChaosRun(plan, scenario, stage, deeds, limit.Token);
                await scenario.Act(run);
                run = null;
                waitingFor = "the end of the job";
                var job = await stage.EndAsync(limit.Token);
                var took = clock.Elapsed;
                if (injected == ChaosInjection.Forget && await stage.ForgetAsync(plan.At(0.5), limit.Token) == 0)
                    throw new ChaosException("there was no record to delete");
                waitingFor = "what the silo has stored";
                return await stage.CollectAsync(job, deeds, took, limit.Token);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new ChaosException(
                $"waited for {run?.WaitingFor ?? waitingFor} until the time limit of {time.TotalSeconds:0} s had passed");
        }
    }

    private (JobSpec Spec, string Data) Freeze(ChaosScenario scenario, ChaosPlan plan, RunDirectory folder)
    {
        var text = folder.File("text.txt");
        File.WriteAllText(text, ChaosPlan.Text(seed));
        var (spec, file) = TrainingData.Freeze(scenario.Change(ChaosPlan.Job(seed, plan.Steps, scenario.Workers)), text, folder);
        return (spec, file!);
    }

    private static IEnumerable<FaultRule> Planted(ChaosInjection injected, ChaosPlan plan, int worker, int start) =>
        injected == ChaosInjection.Flip && worker == 0 && start == 1
            ? [new FaultRule(FaultAction.Flip, FaultPoint.Contribution, plan.At(0.2))]
            : [];

    private static bool IsExpected(Exception failed) =>
        failed is ChaosException or ClusterException or CoordinatorApiException or CommandException or IOException
            or UnauthorizedAccessException or System.Data.Common.DbException;

    private static string Message(Exception failed) =>
        failed is ClusterException cluster ? $"{cluster.Failure.Message} {cluster.Failure.Remedy}" : failed.Message;
}
