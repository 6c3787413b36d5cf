namespace Coordinator.Tests.Processes.Programs;

/// <summary>
/// A test that runs Python; where there is none, or it has no PyTorch and the test needs that, it is skipped, and says so.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute(bool torch = false) => Skip = PythonPrograms.WhyNone(torch);
}

/// <summary>The same for tests with rows.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonTheoryAttribute : TheoryAttribute
{
    public PythonTheoryAttribute(bool torch = false) => Skip = PythonPrograms.WhyNone(torch);
}
