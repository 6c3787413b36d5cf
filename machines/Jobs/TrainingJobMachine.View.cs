using System.Text.Json;

namespace Coordinator.Machines.Jobs;

/// <content>What people see of a job.</content>
public sealed partial class TrainingJobMachine
{
    /// <summary>Why it is in its phase; where it waits, what for, and who has that.</summary>
    private string ReasonNow
    {
        get
        {
            var reason = stalled ?? State.Reason;
            if (preparations.Description is { Length: > 0 } slow)
                return $"{reason}; {slow}";
            return NeedsWhoeverComes && offers.Shortage.Length > 0 ? $"{reason}: {offers.Shortage}" : reason;
        }
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now)
    {
        if (!context.IsSubmitted)
            return "null";
        return JsonSerializer.Serialize(View(), MachinesJson.Default.JobView);
    }

    private JobView View()
    {
        var state = State;
        var shards = state.Members.Count is > 0 and var count && count <= state.Spec.Training.Shards
            ? ShardMap.Cut(state.Spec.Training.Shards, count) : [];
        return new JobView
        {
            Id = context.Id,
            Phase = state.Phase switch
            {
                JobPhase.Active when parking.IsParked => "waiting",
                JobPhase.Active when round.IsOpen => "forming",
                JobPhase.Active => stalled is null ? "running" : "waiting",
                var phase => phase.ToString().ToLowerInvariant(),
            },
            Reason = context.IsOver ? state.Reason : ReasonNow + soleHolder.Text,
            Shortage = offers.Shortage,
            DeviceClass = state.DeviceClass ?? "",
            Spec = state.Spec with { Secret = "" },
            Submitted = state.Submitted,
            Incarnation = state.Incarnation,
            Timeline = state.Timeline,
            Generation = state.Generation,
            Recorded = records.Through,
            Loss = state.Loss,
            Cancelled = state.Cancelled
                || (state.Phase == JobPhase.Failed && state.Reason.StartsWith(CancelJob.ReasonPrefix, StringComparison.Ordinal)),
            Failures = state.Failures,
            FirstCause = state.FirstCause,
            ModelSha256 = state.ModelSha256,
            Checkpoints = state.Checkpoints,
            Saving = checkpoints.Description,
            NoPromise = NoPromise,
            Members =
            [
                .. state.Members.Select((member, rank) => new MemberView(
                    rank, member.Gpu, member.Address, member.Boot, rank < shards.Count ? shards[rank].Sum(span => span.Count) : 0,
                    links.IsReachable(member), StateOf(member))),
            ],
        };
    }

    private string StateOf(Member member)
    {
        if (round.IsOpen)
        {
            return round.HasAnswered(member.Gpu)
                ? parking.IsParked ? "parked" : "answered"
                : preparations.Of(member) is null ? "asked" : "preparing";
        }

        return completion.Has(member.Gpu) ? "finished"
            : plans.HasAdvanced(member.Gpu) ? "training"
            : plans.IsTaken(member.Gpu) ? "resuming"
            : "planned";
    }
}
