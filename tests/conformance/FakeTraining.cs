using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// The data plane between fake workers: a step is applied by all members of a generation or by none, and who meets a dead member
/// accuses it.
/// </summary>
internal sealed class FakeTraining(IReadOnlyCollection<FakeWorker> workers)
{
    /// <summary>
    /// What the ranks have to say after one more step, or after finding that there is none; and models that became durable.
    /// </summary>
    public IEnumerable<(FakeWorker Worker, WorkerMessage Message)> Step(Action<JobId, long> storeModel)
    {
        var living = workers.Where(worker => worker.Alive && worker.Trains).ToArray();
        foreach (var job in living.SelectMany(worker => worker.Ranks).Select(rank => rank.Job).Distinct().Order().ToArray())
        {
            var present = living.SelectMany(worker => worker.Ranks.Where(rank => rank.Job == job && rank.Plan is not null).Select(
                rank => (Worker: worker, Rank: rank))).ToArray();
            foreach (var (worker, rank) in present)
            {
                if (worker.MembershipOf(job) is not { } members || members.Generation != rank.Plan!.Generation)
                    continue;
                foreach (var gone in members.Members.Where(
                    member => !living.Any(peer => peer.Node == member.Gpu.Node && peer.Session.Boot == member.Boot)))
                {
                    yield return (worker, new PeerAccused
                    {
                        Job = job,
                        Generation = members.Generation,
                        Accuser = worker.Node,
                        Accused = gone.Gpu.Node,
                        Evidence = Evidence.ConnectionClosed,
                    });
                }
            }

            if (present.Length == 0)
                continue;
            var generation = present.Max(pair => pair.Rank.Plan!.Generation);
            var ranks = present.Where(pair => pair.Rank.Plan!.Generation == generation).ToArray();
            if (ranks[0].Worker.MembershipOf(job) is not { } all || all.Generation != generation
                || !all.Members.Select(member => member.Gpu).SequenceEqual(ranks.Select(pair => pair.Rank.Gpu).Order()))
            {
                continue;
            }
            foreach (var message in StepTogether(job, ranks, storeModel))
                yield return message;
        }
    }

    private static IEnumerable<(FakeWorker Worker, WorkerMessage Message)> StepTogether(
        JobId job, (FakeWorker Worker, FakeRank Rank)[] ranks, Action<JobId, long> storeModel)
    {
        var steps = ranks[0].Rank.Plan!.LastStep ?? ranks[0].Worker.Specs[job].Training.Steps;
        var wasFinished = ranks[0].Rank.Finished;
        foreach (var (worker, rank) in ranks)
        {
            if (rank.Applied < steps)
                rank.Apply();
            else
                rank.Finish();
        }

        foreach (var (worker, rank) in ranks)
        {
            foreach (var message in (rank.Plan!.Rank == 0 ? rank.Records() : [])
                .Concat(wasFinished || rank.Applied > rank.Plan.FirstStep && !rank.Finished ? [] : rank.Progress()).Concat(rank.Saved()))
            {
                yield return (worker, message);
            }
        }

        // The model is stored again and again until the job is over: the first word of it may be lost.
        if (ranks[0].Rank.Finished)
            storeModel(job, steps);
    }
}
