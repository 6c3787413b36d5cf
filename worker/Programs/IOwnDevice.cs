using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>A device that computes a team's own program, with names for what it computes: what a search for trouble needs of it.</summary>
public interface IOwnDevice : IRankDevice
{
    /// <summary>What follows for a job whose shards differ, for people.</summary>
    internal const string NoPromise =
        "So no bits can be promised: 'coordinator verify' looks for the cause, and program.allow_nondeterminism trains all the same";

    /// <summary>What the program is, for people.</summary>
    string Client { get; }

    /// <summary>Tensors that have gradients, in the order in which these lie behind one another.</summary>
    IEnumerable<(string Name, long Elements)> GradientTensors { get; }

    /// <summary>The tensor of an element of the gradient, for people.</summary>
    string NameOf(long element);

    /// <summary>The entry of an element of the state, for people.</summary>
    string StateNameOf(long element);
}
