using Coordinator.Machines;
using Coordinator.Simulator.Faults;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <content>The numbers: computing, sending, adding up, applying.</content>
internal sealed partial class SimulatedRank
{
    private readonly UnrecordedSteps records;
    private FrameHeader? keptHeader;
    private ulong keptWord;
    private bool planted;

    private void Compute(ComputeShard compute)
    {
        guard.OnCompute(compute, machine.Generation);
        var work = ++deviceWork;
        OnDevice(process.Scenario.ShardTime * (0.5 + World.Workload.Unit()), () =>
        {
            if (work != deviceWork)
                return;
            memory.Computed.Clear();
            memory.Computed.Add(
                compute.Ticket, (compute.Step, compute.Shard, process.Model.Gradient(memory.State, compute.Step, compute.Shard)));
            Handle(new ShardComputed(compute.Ticket));
        });
        if (Plant == PlantedBug.ComputeWithoutPlan && compute.Step > 2)
            guard.OnCompute(compute with { Shard = (compute.Shard + 1) % process.Model.Shards }, machine.Generation + 1);
    }

    private void SendFrame(SendFrame send)
    {
        var header = send.Header;
        if (send.Source == PayloadSource.State)
            process.Moments.Reach(Moment.StateSent, process);
        guard.OnSend(send);
        if (send.Header.Kind == FrameKind.StateRequest)
            isFetching = true;
        var asked = Read(send);
        var member = guard.Members!.Members[header.To];
        var life = deviceLife;
        Func<Packet> read = () => Leave(send, asked, life);
        if (member.Gpu.Node != process.Node)
        {
            process.Peers.Send(Job, header.Generation, member.Gpu.Node, read);
            return;
        }

        process.Post(TimeSpan.FromMilliseconds(0.01), () =>
        {
            if (machine.Generation != header.Generation)
                return;
            var packet = read();
            packet.Decode(out var arrived, out var word);
            process.Agent.OnFrame(Job, arrived, word, packet.Truth);
        });
    }

    /// <summary>The frame leaves: only now is its payload read, as a socket's buffer would be filled.</summary>
    private Packet Leave(SendFrame send, (ulong Word, double Squares, Score Score)? asked, long life)
    {
        if (life == deviceLife && send.Source != PayloadSource.None && machine.Generation == send.Header.Generation
            && TryRead(send) != asked)
        {
            process.Checkers.Fail(Invariants.SourceUnchanged, $"{Gpu}: {send.Source} of {send.Header.Kind} block {send.Header.Block} step "
                + $"{send.Header.Step} changed before the frame left");
        }
        var header = send.Header;
        if (asked is { } payload)
        {
            header = header with { SumOfSquares = payload.Squares };
            if (header.Block == 0)
                header = header with { Loss = payload.Score.Loss, Targets = payload.Score.Targets };
        }

        return Tamper(Packet.Encode(header, asked?.Word), send);
    }

    private (ulong Word, double Squares, Score Score)? Read(SendFrame send)
    {
        var read = TryRead(send);
        if (read is null && send.Source != PayloadSource.None)
        {
            process.Checkers.Fail(Invariants.HostContract, $"{Gpu} sends {send.Source} of step {send.Header.Step}, block "
                + $"{send.Header.Block}, {send.Header.Subtree}, which it does not hold");
        }
        return read;
    }

    private (ulong Word, double Squares, Score Score)? TryRead(SendFrame send)
    {
        var header = send.Header;
        switch (send.Source)
        {
            case PayloadSource.Partial when memory.Partials.TryGetValue(header.Subtree, out var partial) && partial.Step == header.Step:
                return (partial.Sum.Blocks[header.Block], 0, header.Block == 0 ? partial.Sum.Score : default);
            case PayloadSource.Reduced when memory.Reduced[header.Block] is var block && block.Step == header.Step:
                return (block.Word, block.SumOfSquares, header.Block == 0 ? memory.ReducedScore : default);
            case PayloadSource.State when !memory.Applying && memory.StateStep == header.Step:
                return (memory.State[header.Block], 0, default);
            default:
                return null;
        }
    }

    private void Reduce(ReduceBlock reduce)
    {
        guard.OnReduce(reduce, machine.Generation);
        var parts = new SortedDictionary<Subtree, (ulong Word, Score Score)>();
        foreach (var part in reduce.Parts)
        {
            if (part.Payload == 0)
            {
                var own = memory.Partials[part.Subtree].Sum;
                parts.Add(part.Subtree, (own.Blocks[reduce.Block], own.Score));
            }
            else
            {
                var (header, word, _) = memory.Payloads[part.Payload];
                parts.Add(part.Subtree, (word, new Score(header.Loss, header.Targets)));
            }
        }

        var (sum, score) = Plant == PlantedBug.SumInOrderOfArrival ? InOrderOfArrival(reduce, parts) : Tree(
            new Subtree(0, process.Model.Shards), parts);
        PutReduced(reduce.Block, new ReducedBlock(reduce.Step, sum, ToyModel.SumOfSquares(sum)), score);
    }

    private static (ulong Word, Score Score) InOrderOfArrival(
        ReduceBlock reduce, SortedDictionary<Subtree, (ulong Word, Score Score)> parts)
    {
        var sum = default((ulong Word, Score Score)?);
        foreach (var part in reduce.Parts.OrderBy(part => part.Payload))
        {
            var next = parts[part.Subtree];
            sum = sum is { } before ? (Mix.Pair(before.Word, next.Word), before.Score + next.Score) : next;
        }

        return sum!.Value;
    }

    private static (ulong Word, Score Score) Tree(Subtree node, SortedDictionary<Subtree, (ulong Word, Score Score)> parts)
    {
        if (parts.TryGetValue(node, out var part))
            return part;
        var left = Tree(new Subtree(node.Start, node.Size / 2), parts);
        var right = Tree(new Subtree(node.Start + (node.Size / 2), node.Size / 2), parts);
        return (Mix.Pair(left.Word, right.Word), left.Score + right.Score);
    }

    private void PutReduced(int block, ReducedBlock value, Score score)
    {
        memory.Reduced[block] = value;
        if (block == 0)
            memory.ReducedScore = score;
        guard.OnReducedBlock(block);
        if (Plant == PlantedBug.AppliedEarly && value.Step > 2 && block == 0 && memory.Reduced.Length > 1)
            guard.OnApply(new ApplyStep(0, value.Step, machine.Generation), machine.Generation);
    }

    private void Apply(ApplyStep apply)
    {
        guard.OnApply(apply, machine.Generation);
        process.Moments.Reach(apply.Step == process.Scenario.Steps ? Moment.LastStepStarted : Moment.ApplyStarted, process);
        memory.Applying = true;
        OnDevice(process.Scenario.ApplyTime * (0.5 + World.Workload.Unit()) * process.StateFactor, () =>
        {
            memory.Applying = false;
            var squares = 0.0;
            foreach (var block in memory.Reduced)
                squares += block.SumOfSquares;
            if (memory.StateStep == apply.Step - 1)
            {
                ToyModel.Apply(
                    memory.State, apply.Step, memory.Reduced.Select(block => block.Word).ToArray(), squares, memory.ReducedScore);
                Array.Fill(memory.StateSteps, apply.Step);
                guard.OnApplied(apply);
                World.Note(name, "applied", apply.Step, apply.Generation);
                records.OnApplied(apply, memory.ReducedScore, squares);
                process.Moments.OnStep(apply.Step);
            }

            Handle(new StepFinished(apply.Ticket, apply.Step));
            records.SendNew(machine.Generation);
            process.Moments.Reach(Moment.Applied, process);
        });
    }

    private void StoreModel(long step)
    {
        process.Moments.Reach(Moment.ModelUpload, process);
        if (memory.StateStep != step)
            process.Checkers.Fail(Invariants.FinalModel, $"{Gpu} stores the model of step {step} with a state of step {memory.StateStep}");
        var state = Plant == PlantedBug.ModelOfEarlierStep ? process.Model.State(step - 1) : memory.State;
        var sha256 = ToyModel.Sha256(state);
        process.Post(World.Network.Between(process.Scenario.MinLatency, process.Scenario.MaxLatency) * 4, () =>
        {
            var map = process.Network.Map;
            if (process.Silo.Alive && !map.IsCut(process.Node, NetworkMap.Silo))
                process.Silo.Post(TimeSpan.Zero, () => process.Silo.OnModelUploaded(Job, step, sha256));
        });
    }

    /// <summary>Planted bugs on the wire. The checksum is right, as it would be where the sender itself is wrong.</summary>
    private Packet Tamper(Packet packet, SendFrame send)
    {
        if (Plant == PlantedBug.None || send.Source == PayloadSource.None)
            return packet;
        packet.Decode(out var header, out var word);
        var truth = packet.Truth;
        if (Plant == PlantedBug.FlippedContribution && header.Kind == FrameKind.Contribution && header.Step == 3 && !planted)
        {
            planted = true;
            return Packet.Encode(header, word ^ 1) with { Truth = truth };
        }

        if (Plant == PlantedBug.StateOfTwoSteps && header is { Kind: FrameKind.State, Step: > 0, Block: 0 })
            return Packet.Encode(header, process.Model.State(header.Step - 1)[0]) with { Truth = truth };
        if (header.Kind == FrameKind.Contribution && Plant is PlantedBug.StaleContribution or PlantedBug.OlderGenerationContribution)
        {
            var byGeneration = Plant == PlantedBug.OlderGenerationContribution;
            if (keptHeader is { } kept && header.Block == kept.Block && header.Subtree == kept.Subtree
                && (byGeneration ? header.Generation > kept.Generation : header.Step == kept.Step + 1))
            {
                var old = Packet.Encode(header, keptWord) with { Truth = kept };
                keptHeader = null;
                return old;
            }

            if (keptHeader is null || !byGeneration)
                (keptHeader, keptWord) = (header, word);
        }

        return packet;
    }
}
