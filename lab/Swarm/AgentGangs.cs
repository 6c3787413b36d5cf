using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// The gangs' agents of one process of the swarm: the real machines, whose processes are numbers that start and end at once.
/// </summary>
/// <param name="boot">The process.</param>
/// <param name="say">To the silo, over the connection that stands.</param>
public sealed class AgentGangs(long boot, Action<WorkerMessage> say)
{
    private readonly Dictionary<JobId, GangAgentMachine> agents = [];
    private readonly Dictionary<JobId, long> startedAt = [];
    private readonly Dictionary<JobId, int[]> ends = [];
    private readonly Lock gate = new();

    /// <summary>
    /// The generation of a gang whose processes run here, and when they were started, by <see cref="Stopwatch.GetTimestamp"/>; 0: none do.
    /// </summary>
    public (long Generation, long At) RunningOf(JobId job)
    {
        lock (gate)
        {
            return agents.TryGetValue(job, out var agent) && agent.Phase == GangPhase.Running ? (
                agent.Generation, startedAt.GetValueOrDefault(job)) : default;
        }
    }

    /// <summary>An order came.</summary>
    public void Hear(GangOrder order, TimeSpan now)
    {
        lock (gate)
        {
            if (!agents.TryGetValue(order.Job, out var agent))
                agents.Add(order.Job, agent = new GangAgentMachine(order.Job, boot));
            Take(agent, new AgentOrdered(order), now);
        }
    }

    /// <summary>Time has passed.</summary>
    public void OnTime(TimeSpan now)
    {
        lock (gate)
        {
            foreach (var agent in agents.Values.Where(agent => now >= agent.NextDeadline).ToArray())
                Take(agent, new AgentTimePassed(), now);
        }
    }

    private void Take(GangAgentMachine agent, GangAgentInput first, TimeSpan now)
    {
        var inputs = new Queue<GangAgentInput>([first]);
        while (inputs.TryDequeue(out var input))
        {
            var outputs = new List<GangAgentOutput>();
            agent.Handle(now, input, outputs);
            foreach (var output in outputs)
                CarryOut(agent.Job, output, inputs);
        }
    }

    private void CarryOut(JobId job, GangAgentOutput output, Queue<GangAgentInput> inputs)
    {
        switch (output)
        {
            case PrepareRanks prepare:
                inputs.Enqueue(new AgentPrepared(prepare.Generation, prepare.Seat.Index == 0 ? 29500 : 0, 29600));
                break;
            case RunRanks run:
                startedAt[job] = Stopwatch.GetTimestamp();
                for (var local = 0; local < run.Seat.Gpus.Count; local++)
                    inputs.Enqueue(new AgentRankStarted(run.Generation, RankOf(run.Seat, local), 1 + RankOf(run.Seat, local)));
                ends[job] = [.. Enumerable.Range(0, run.Seat.Gpus.Count).Select(local => RankOf(run.Seat, local))];
                break;
            case EndRanks or KillRanks:
                foreach (var rank in ends.Remove(job, out var ranks) ? ranks : [])
                    inputs.Enqueue(new AgentRankEnded(agents[job].Generation, rank, new GangExit(null, 15, 0)));
                break;
            case TellGang tell:
                say(tell.Report);
                break;
        }
    }

    private static int RankOf(GangSeat seat, int local) => (seat.Index * seat.Gpus.Count) + local;
}
