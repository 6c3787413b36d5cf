using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Tests.Server;

namespace Coordinator.Tests.Cli;

public sealed class SiloProgramTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_is_found_by_its_path_or_its_folders()
    {
        File.WriteAllText(folder.File("Coordinator.Silo.dll"), "");
        File.WriteAllText(folder.File("Coordinator.Silo.runtimeconfig.json"), "{}");

        Assert.Equal(folder.File("Coordinator.Silo.dll"), SiloProgram.Find(folder.File("Coordinator.Silo.dll")).Assembly);
        Assert.Equal(folder.File("Coordinator.Silo.dll"), SiloProgram.Find(folder.Path).Assembly);
    }

    [Fact]
    public void One_that_is_named_and_missing_is_not_replaced_by_another()
    {
        var missing = Assert.Throws<CommandException>(() => SiloProgram.Find(folder.Path));

        Assert.Equal(ExitCodes.Usage, missing.ExitCode);
        Assert.Equal($"There is no silo program at {folder.File("Coordinator.Silo.dll")}, with its Coordinator.Silo.runtimeconfig.json beside it.", missing.Message);
    }

    [Fact]
    public void It_is_run_by_dotnet_with_its_arguments()
    {
        var command = new SiloProgram("/opt/silo/Coordinator.Silo.dll").Command(["--name", "silo-0"]);

        Assert.Equal("dotnet", Path.GetFileNameWithoutExtension(command.FileName));
        Assert.Equal(["/opt/silo/Coordinator.Silo.dll", "--name", "silo-0"], command.ArgumentList);
    }
}
