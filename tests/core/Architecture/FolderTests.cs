using Coordinator.Tests.Support;

namespace Coordinator.Tests.Architecture;

public sealed class FolderTests
{
    [Fact]
    public void Folders_of_a_project_use_each_other_one_way_only() => Complaints.AssertNone(FolderRules.Check(Repository.Files));

    [Fact]
    public void Two_folders_that_use_each_other_are_refused()
    {
        RepositoryFile[] files =
        [
            new("runs/View/A.cs", "using Coordinator.Runs.Clusters;\n"),
            new("runs/Clusters/B.cs", "using Coordinator.Runs.Paths;\n"),
            new("runs/Paths/C.cs", "using System;\nusing Coordinator.Runs.View;\n"),
        ];

        Assert.Equal(
            "runs: runs/Clusters -> runs/Paths -> runs/View -> runs/Clusters use each other", Assert.Single(FolderRules.Check(files)));
        Assert.Empty(FolderRules.Check(files[..2]));
    }
}
