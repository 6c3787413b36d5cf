using Coordinator.Cli.Commands;

return await CommandLine.RunAsync(args);
