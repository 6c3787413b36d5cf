using Coordinator.Disk;
using Coordinator.Server.Hosting;
using Coordinator.Silo.Commands;

UserMask.Begin();
StandardStreams.Protect();
return StandardStreams.End(await SiloCommandLine.RunAsync(args), failed: 1);
