using System.Reflection;
using Coordinator.Worker.Kernels;
using Xunit.Sdk;

namespace Coordinator.Tests.Compute;

/// <summary>Runs a theory at a vector width; on a machine that lacks it, the test is reported as skipped, with the reason.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class WidthAttribute : DataAttribute
{
    private readonly object[] row;

    public WidthAttribute(VectorWidth width, params object[] more)
    {
        row = [width, .. more];
        if (VectorWidths.WhyUnsupported(width) is { } reason) Skip = reason;
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [row];
}
