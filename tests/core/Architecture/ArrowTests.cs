using Coordinator.Tests.Support;

namespace Coordinator.Tests.Architecture;

public sealed class ArrowTests
{
    [Fact]
    public void Every_project_references_only_what_its_folder_may_use() =>
        Complaints.AssertNone(Projects().SelectMany(ArrowRules.CheckProject));

    [Fact]
    public void Every_sample_builds_from_the_packages_alone()
    {
        var samples = Repository.Ending(".csproj").Where(file => ArrowRules.IsSample(file.Path)).ToArray();
        Complaints.AssertNone(samples.SelectMany(ArrowRules.CheckSample));
        Assert.Equal(2, samples.Length);
        string[] others =
        [
            """<PackageReference Include="ILGPU" />""", """<ProjectReference Include="../../programs/Coordinator.Programs.csproj" />""",
        ];
        foreach (var wrong in others)
        {
            Assert.Single(
                ArrowRules.CheckSample(new RepositoryFile("samples/a/A.csproj", $"<Project><ItemGroup>{wrong}</ItemGroup></Project>")));
        }
    }

    [Fact]
    public void Every_source_file_uses_only_what_its_folder_may_use() =>
        Complaints.AssertNone(Repository.Ending(".cs").SelectMany(ArrowRules.CheckSource));

    [Fact]
    public void Every_project_is_the_same_wherever_it_is_built() =>
        Complaints.AssertNone(Repository.Ending(".csproj").Concat(Repository.Ending(".props")).SelectMany(ArrowRules.CheckConditions));

    [Fact]
    public void Every_project_has_its_lock_file() =>
        Assert.Equal(
            Repository.Ending(".csproj").Where(project => !ArrowRules.IsSample(project.Path)).Select(project =>
                FolderOf(project.Path)).Order(StringComparer.Ordinal),
            Repository.Ending("/packages.lock.json").Select(locked => FolderOf(locked.Path)).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_folder_of_the_table_has_its_project_in_the_solution()
    {
        var solution = Repository.Files.Single(file => file.Path == "Coordinator.sln").Text.Replace('\\', '/');

        Assert.Equal(
            ArrowRules.Allowed.Keys.Order(StringComparer.Ordinal),
            Projects().Where(project => solution.Contains($"\"{project.Path}\"", StringComparison.Ordinal))
                .Select(project => ArrowRules.FolderOf(project.Path)!).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("machines", "ProjectReference", "../worker/Coordinator.Worker.csproj")]
    [InlineData("machines", "PackageReference", "Dapper")]
    [InlineData("machines", "FrameworkReference", "Microsoft.AspNetCore.App")]
    [InlineData("grains", "ProjectReference", "../server/Coordinator.Server.csproj")]
    [InlineData("server", "ProjectReference", "..\\grains\\Coordinator.Grains.csproj")]
    [InlineData("silo", "ProjectReference", "../worker/Coordinator.Worker.csproj")]
    [InlineData("worker", "ProjectReference", "../worker.ilgpu/Coordinator.Worker.Ilgpu.csproj")]
    [InlineData("worker", "PackageReference", "ILGPU")]
    [InlineData("programs", "ProjectReference", "../machines/Coordinator.Machines.csproj")]
    [InlineData("programs", "PackageReference", "ILGPU")]
    [InlineData("programs.ilgpu", "ProjectReference", "../worker/Coordinator.Worker.csproj")]
    [InlineData("worker", "ProjectReference", "../programs.ilgpu/Coordinator.Programs.Ilgpu.csproj")]
    [InlineData("simulator", "ProjectReference", "../server/Coordinator.Server.csproj")]
    [InlineData("simulator", "Compile", "../server/Storage/SqliteStore.cs")]
    [InlineData("cli", "ProjectReference", "../grains/Coordinator.Grains.csproj")]
    [InlineData("cli", "PackageReference", "Microsoft.Orleans.Client")]
    [InlineData("cli", "PackageReference", "ILGPU.Algorithms")]
    [InlineData("worker.ilgpu", "ProjectReference", "../cli/Coordinator.Cli.csproj")]
    [InlineData("silo", "ProjectReference", "../cli/Coordinator.Cli.csproj")]
    [InlineData("configuration", "ProjectReference", "../runs/Coordinator.Runs.csproj")]
    [InlineData("planning", "ProjectReference", "../runs/Coordinator.Runs.csproj")]
    [InlineData("simulator", "ProjectReference", "../planning/Coordinator.Planning.csproj")]
    [InlineData("runs", "ProjectReference", "../cli/Coordinator.Cli.csproj")]
    [InlineData("runs", "ProjectReference", "../lab/Coordinator.Lab.csproj")]
    [InlineData("runs", "PackageReference", "System.CommandLine")]
    [InlineData("lab", "ProjectReference", "../planning/Coordinator.Planning.csproj")]
    [InlineData("lab", "ProjectReference", "../cli/Coordinator.Cli.csproj")]
    [InlineData("elsewhere", "PackageReference", "Dapper")]
    public void A_wrong_reference_is_refused(string folder, string element, string include)
    {
        var project = new RepositoryFile(
            $"{folder}/Some.csproj", $"""<Project><ItemGroup><{element} Include="{include}" /></ItemGroup></Project>""");

        Assert.Single(ArrowRules.CheckProject(project));
    }

    [Theory]
    [InlineData("machines/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("simulator/A.cs", "global using Coordinator.Server;")]
    [InlineData("worker/A.cs", "using static Coordinator.Worker.Ilgpu.IlgpuDevices;")]
    [InlineData("server/A.cs", "using Grain = Coordinator.Grains.GpuGrain;")]
    [InlineData("runs/A.cs", "using Coordinator.Cli.Commands;")]
    [InlineData("lab/A.cs", "using System.CommandLine;")]
    [InlineData("simulator/A.cs", "using Coordinator.Planning.Simulation;")]
    [InlineData("cli/A.cs", "using Coordinator.Grains;")]
    [InlineData("cli/A.cs", "using global::Orleans.Hosting;")]
    [InlineData("worker/A.cs", "using ILGPU;")]
    [InlineData("cli/A.cs", "using ILGPU;")]
    public void A_wrong_using_is_refused(string path, string line) =>
        Assert.Single(ArrowRules.CheckSource(new RepositoryFile(path, $"using System;\n{line}\n")));

    [Theory]
    [InlineData("worker.ilgpu/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("cli/A.cs", "using Coordinator.Worker.Ilgpu.Devices;")]
    [InlineData("cli/A.cs", "using Coordinator.Silo;")]
    [InlineData("cli/A.cs", "using Coordinator.Lab.Chaos;")]
    [InlineData("cli/A.cs", "using System.CommandLine;")]
    [InlineData("lab/A.cs", "using Coordinator.Runs.Clusters;")]
    [InlineData("worker/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("silo/A.cs", "using Orleans.Hosting;")]
    [InlineData("machines/A.cs", "using var orleans = Orleans.Open();")]
    public void A_right_using_passes(string path, string line) =>
        Assert.Empty(ArrowRules.CheckSource(new RepositoryFile(path, line)));

    [Theory]
    [InlineData("""<ItemGroup><PackageReference Include="Microsoft.Orleans.Server" /></ItemGroup>""", 0)]
    [InlineData("""<PropertyGroup><Configuration Condition="'$(Configuration)' == ''">Release</Configuration></PropertyGroup>""", 0)]
    [InlineData("""<ItemGroup Condition="'$(Some)' != 'false'"><PackageReference Include="Microsoft.Orleans.Server" /></ItemGroup>""", 1)]
    [InlineData("""<ItemGroup><ProjectReference Include="../silo/Coordinator.Silo.csproj" Condition="'$(Some)' == ''" /></ItemGroup>""", 1)]
    [InlineData("""<ItemGroup Condition="'$(Some)' == 'false'"><Compile Remove="Ilgpu/**" /></ItemGroup>""", 1)]
    [InlineData(
        """<Choose><When Condition="'$(Some)' == ''"><PropertyGroup><DefineConstants>SOME</DefineConstants></PropertyGroup></When></Choose>""",
        1)]
    public void What_a_project_is_built_from_depends_on_no_condition(string items, int complaints) =>
        Assert.Equal(complaints, ArrowRules.CheckConditions(new RepositoryFile("silo/Some.csproj", $"<Project>{items}</Project>")).Count());

    private static IEnumerable<RepositoryFile> Projects() =>
        Repository.Ending(".csproj").Where(file => !file.Path.StartsWith("eng/", StringComparison.Ordinal)
            && !ArrowRules.IsSample(file.Path));

    private static string FolderOf(string path) => path[..path.LastIndexOf('/')];
}
