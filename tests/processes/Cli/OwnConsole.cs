namespace Coordinator.Tests.Processes.Cli;

/// <summary>Tests with clusters of real processes run one after the other: they need the cores that they measure time on.</summary>
[CollectionDefinition("real processes", DisableParallelization = true)]
public static class RealProcesses;
