using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.View;

/// <summary>One row for each worker: what the silo knows of its node and its ranks, and what a supervisor knows of its process.</summary>
public static class WorkerRows
{
    /// <summary>Shown in place of ranks where a worker is no member.</summary>
    public const string NoRank = "-";

    /// <summary>The rows, in order of the workers' names as numbers.</summary>
    public static IReadOnlyList<WorkerRow> Build(RunData data)
    {
        var nodes = data.Nodes.ToDictionary(node => node.Id.Value);
        var children = data.Children.Where(child => !LocalCluster.IsSilo(child.Name)).ToDictionary(child => child.Name);
        return [.. nodes.Keys.Union(children.Keys)
            .OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal)
            .Select(name => Row(name, nodes.GetValueOrDefault(name), children.GetValueOrDefault(name), data))];
    }

    private static WorkerRow Row(string name, NodeView? node, ChildStatus? child, RunData data)
    {
        var members = data.Job?.Members.Where(member => member.Gpu.Node.Value == name).ToArray() ?? [];
        var isUp = child is null || child.Phase is ChildPhase.Ready or ChildPhase.Starting;

        // A supervisor sees its child's end at once; the silo's word may be older than that, and holds no longer than the silo itself.
        var connected = node is { Connected: true } && data.SiloAway is null && isUp && (child is null || node.ProcessId == child.Pid);
        var positions = node?.Ranks.Where(rank => data.Job is null || rank.Job == data.Job.Id).ToArray() ?? [];
        long? applied = data.Job is { Phase: "finished" } finished && members.Length > 0 ? finished.Spec.Training.Steps
            : connected && positions.Length > 0 ? Applied(members, positions, data) : null;
        var (state, tone) = State(connected, node, child, members, positions, data);
        return new WorkerRow(
            name,
            isUp ? child?.Pid ?? node?.ProcessId : null,
            Ranks(members),
            state,
            tone,
            applied is < 0 ? null : applied,
            connected);
    }

    /// <summary>
    /// Ranks that train keep each other in step, and each says where it is only now and then, one later than another: what was recorded
    /// holds for all
    /// of them. One that is on its way to the others is where it says.
    /// </summary>
    private static long Applied(MemberView[] members, RankPosition[] positions, RunData data)
    {
        var isInStep = members.Length > 0 && data.Job is { Phase: "running" }
            && positions.All(rank => rank.Activity is "computing" or "reducing" or "applying" or "in a hook");
        return isInStep ? RunViewBuilder.DoneOf(data) : positions.Min(rank => rank.Applied);
    }

    private static (string State, Tone Tone) State(
        bool connected, NodeView? node, ChildStatus? child, MemberView[] members, RankPosition[] positions, RunData data)
    {
        if (child is { Phase: ChildPhase.GivenUp })
            return ("given up", Tone.Bad);
        if (child is { Phase: ChildPhase.Down })
            return ("killed, comes back", Tone.Bad);
        if (child is { Phase: ChildPhase.Starting })
            return ("starting", Tone.Warning);
        if (!connected)
        {
            // While the silo is away nobody is connected to it, and that says nothing about the worker.
            if (data.SiloAway is not null)
                return (child is null ? "not known" : "on its own", Tone.Warning);
            return node is null ? ("connecting", Tone.Warning) : ("out of reach", Tone.Bad);
        }

        // What a rank said last was said on its way to the end.
        if (data.Job?.Phase is "finished")
            return ("done", Tone.Good);
        if (members.Length == 0)
        {
            var other = node!.Ranks.FirstOrDefault(rank => data.Job is not null && rank.Job != data.Job.Id && rank.Applied >= 0);
            return (other is null ? "spare" : $"busy with {other.Job}", Tone.Plain);
        }

        var activity = positions.Length > 0 ? positions[0].Activity : members[0].State;
        return (InWords(activity), activity is "promised" or "fetching" ? Tone.Warning : Tone.Good);
    }

    /// <summary>The protocol's words are for the protocol.</summary>
    private static string InWords(string activity) => activity switch
    {
        "asked" => "is asked for its state",
        "answered" or "promised" => "waits for the others",
        "planned" => "gets its part",
        "resuming" => "catches up",
        "fetching" => "fetches the state",
        _ => activity,
    };

    private static string Ranks(MemberView[] members)
    {
        if (members.Length == 0)
            return NoRank;
        var low = members.Min(member => member.Rank);
        var high = members.Max(member => member.Rank);
        return low == high ? $"{low}" : $"{low}-{high}";
    }
}
