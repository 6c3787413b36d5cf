using Coordinator.Silo.Commands;

return await SiloCommandLine.RunAsync(args);
