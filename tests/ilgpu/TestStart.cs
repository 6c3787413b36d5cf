using System.Runtime.CompilerServices;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Ilgpu;

/// <summary>Before the first test of this project.</summary>
internal static class TestStart
{
    [ModuleInitializer]
    internal static void Begin() => Surroundings.Reset();
}
