namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// Tests that put a writer of their own in place of this process's console, or set its environment, run beside nothing else.
/// </summary>
[CollectionDefinition("the console of this process", DisableParallelization = true)]
public static class OwnConsole;
