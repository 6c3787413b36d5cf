namespace Coordinator.Machines.Jobs;

/// <summary>A value of a <see cref="JobSpec"/> with which no job can run.</summary>
/// <param name="Field">The value's key in a job file, such as <c>training.shards</c>.</param>
/// <param name="Value">The value as text; never that of a secret.</param>
/// <param name="Rule">What it has to be, to be read after "must be", such as <c>a power of two, 4 to 65536</c>.</param>
/// <param name="Remedy">What to do, as a request, such as <c>set training.shards to 8</c>.</param>
public sealed record JobSpecProblem(string Field, string Value, string Rule, string Remedy)
{
    /// <summary>One line for people.</summary>
    public override string ToString() => $"{Field} is {Value} but must be {Rule}; {Remedy}";
}
