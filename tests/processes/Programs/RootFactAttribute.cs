using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>A test whose programs run as another user; where they cannot, since this is not root, it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    /// <summary>The user that they run as.</summary>
    public const string Other = "nobody";

    public RootFactAttribute()
    {
        ProgramUser.Find(Other, out var problem);
        Skip = PythonPrograms.WhyNone(torch: false) ?? problem;
    }
}
