namespace Coordinator.Tests.Architecture;

public sealed class ArrowTests
{
    private static readonly RepositoryFile Probe = new("eng/probe/Packages.csproj", """<Project><ItemGroup><PackageReference Include="Microsoft.Orleans.Server" /></ItemGroup></Project>""");

    [Fact]
    public void Every_project_references_only_what_its_folder_may_use() =>
        Complaints.AssertNone(Projects().SelectMany(ArrowRules.CheckProject));

    [Fact]
    public void Every_source_file_uses_only_what_its_folder_may_use() =>
        Complaints.AssertNone(Repository.Ending(".cs").SelectMany(ArrowRules.CheckSource));

    [Fact]
    public void Every_optional_package_is_conditional_and_probed_for()
    {
        var probe = Repository.Files.Single(file => file.Path == "eng/probe/Packages.csproj");

        Complaints.AssertNone(Projects().SelectMany(project => ArrowRules.CheckOptional(project, probe)));
    }

    [Fact]
    public void Every_folder_of_the_table_has_its_project_in_the_solution()
    {
        var solution = Repository.Files.Single(file => file.Path == "Coordinator.sln").Text.Replace('\\', '/');

        Assert.Equal(
            ArrowRules.Allowed.Keys.Order(StringComparer.Ordinal),
            Projects().Where(project => solution.Contains($"\"{project.Path}\"", StringComparison.Ordinal)).Select(project => ArrowRules.FolderOf(project.Path)!).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("machines", "ProjectReference", "../worker/Coordinator.Worker.csproj")]
    [InlineData("machines", "PackageReference", "Dapper")]
    [InlineData("machines", "FrameworkReference", "Microsoft.AspNetCore.App")]
    [InlineData("engine", "ProjectReference", "../server/Coordinator.Server.csproj")]
    [InlineData("engine", "ProjectReference", "..\\grains\\Coordinator.Grains.csproj")]
    [InlineData("grains", "ProjectReference", "../engine/Coordinator.Engine.csproj")]
    [InlineData("server", "ProjectReference", "../engine/Coordinator.Engine.csproj")]
    [InlineData("silo", "ProjectReference", "../worker/Coordinator.Worker.csproj")]
    [InlineData("worker", "ProjectReference", "../worker.ilgpu/Coordinator.Worker.Ilgpu.csproj")]
    [InlineData("worker", "PackageReference", "ILGPU")]
    [InlineData("simulator", "ProjectReference", "../engine/Coordinator.Engine.csproj")]
    [InlineData("simulator", "Compile", "../engine/EmbeddedEngine.cs")]
    [InlineData("cli", "ProjectReference", "../grains/Coordinator.Grains.csproj")]
    [InlineData("cli", "PackageReference", "Microsoft.Orleans.Client")]
    [InlineData("cli", "PackageReference", "ILGPU.Algorithms")]
    [InlineData("elsewhere", "PackageReference", "Dapper")]
    public void A_wrong_reference_is_refused(string folder, string element, string include)
    {
        var project = new RepositoryFile($"{folder}/Some.csproj", $"""<Project><ItemGroup><{element} Include="{include}" /></ItemGroup></Project>""");

        Assert.Single(ArrowRules.CheckProject(project));
    }

    [Theory]
    [InlineData("machines/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("engine/A.cs", "global using Coordinator.Server;")]
    [InlineData("worker/A.cs", "using static Coordinator.Worker.Ilgpu.IlgpuDevices;")]
    [InlineData("server/A.cs", "using Engine = Coordinator.Engine.EmbeddedEngine;")]
    [InlineData("cli/A.cs", "using Coordinator.Grains;")]
    [InlineData("cli/A.cs", "using global::Orleans.Hosting;")]
    [InlineData("worker/A.cs", "using ILGPU;")]
    public void A_wrong_using_is_refused(string path, string line) =>
        Assert.Single(ArrowRules.CheckSource(new RepositoryFile(path, $"using System;\n{line}\n")));

    [Theory]
    [InlineData("worker.ilgpu/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("worker/A.cs", "using Coordinator.Worker.Devices;")]
    [InlineData("silo/A.cs", "using Orleans.Hosting;")]
    [InlineData("machines/A.cs", "using var orleans = Orleans.Open();")]
    public void A_right_using_passes(string path, string line) =>
        Assert.Empty(ArrowRules.CheckSource(new RepositoryFile(path, line)));

    [Theory]
    [InlineData("""<ItemGroup><PackageReference Include="Microsoft.Orleans.Server" /></ItemGroup>""", 1)]
    [InlineData("""<ItemGroup Condition="'$(WithOrleans)' != 'false'"><PackageReference Include="Microsoft.Orleans.Streaming" /></ItemGroup>""", 1)]
    [InlineData("""<ItemGroup Condition="'$(WithOrleans)' != 'false'"><PackageReference Include="Microsoft.Orleans.Server" /></ItemGroup>""", 0)]
    public void An_optional_package_must_be_conditional_and_probed_for(string items, int complaints) =>
        Assert.Equal(complaints, ArrowRules.CheckOptional(new RepositoryFile("silo/Some.csproj", $"<Project>{items}</Project>"), Probe).Count());

    private static IEnumerable<RepositoryFile> Projects() =>
        Repository.Ending(".csproj").Where(file => !file.Path.StartsWith("eng/", StringComparison.Ordinal));
}
