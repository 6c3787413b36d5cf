using System.Numerics;

namespace Coordinator.Machines.Jobs.Programs;

/// <summary>Linear regression on data that the program makes itself.</summary>
internal sealed class LinearKind : ProgramKind
{
    public override string Name => "linear";

    public override BigInteger? CountParameters(ModelSpec model) => (BigInteger)model.Channels + 1;

    internal override double LeastElements(JobSpec spec) => 5.0 * spec.Model.Channels;

    internal override void CheckModel(JobSpecProblems problems, JobSpec spec)
    {
        problems.AtLeast("model.channels", spec.Model.Channels, 1);
        CheckParameterCount(problems, spec.Model, "lower model.channels");
    }
}
