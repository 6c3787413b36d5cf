using Coordinator.Tests.Support;

namespace Coordinator.Tests.Architecture;

public sealed class WalkTests
{
    [Fact]
    public void Every_stop_of_the_walks_is_there_and_no_walk_goes_back() => Complaints.AssertNone(WalkRules.Check(
        Repository.Files.Single(file => file.Path == "docs/architecture.md").Text, Repository.Files));

    [Theory]
    [InlineData("", "A heartbeat: the document has no such walk")]
    [InlineData("1. `a/A.cs`: `Beat` is said.\n2. `a/B.cs`: `Hear` hears it.\n", "A heartbeat: there is no a/B.cs")]
    [InlineData("1. `a/A.cs`: `Beat` is said, and `Drum` heard.\n", "A heartbeat: a/A.cs does not have Drum")]
    [InlineData("1. `a/A.cs`: `Beat` is said.\n2. `a/A.cs`: `Beat` again.\n", "A heartbeat: goes back to a/A.cs")]
    public void A_walk_that_leads_astray_is_refused(string stops, string complaint) => Assert.Equal(
        [complaint],
        WalkRules.Check($"## Walks\n\n### A heartbeat, and more\n\n{stops}\n## End\n", [new("a/A.cs", "void Beat() { }")])
            .Where(found => found.StartsWith("A heartbeat", StringComparison.Ordinal)));

    [Fact]
    public void A_walk_as_long_as_it_was_is_refused()
    {
        var stops = string.Concat(Enumerable.Range(1, 17).Select(number => $"{number}. `a/{number}.cs`: here.\n"));
        RepositoryFile[] files = [.. Enumerable.Range(1, 17).Select(number => new RepositoryFile($"a/{number}.cs", ""))];
        Assert.Contains("A heartbeat: 17 stops, where there were 17", WalkRules.Check($"### A heartbeat\n\n{stops}", files));
    }

    [Fact]
    public void Files_that_the_architecture_names_are_there() => Complaints.AssertNone(WalkRules.CheckPaths(
        Repository.Files.Single(file => file.Path == "docs/architecture.md"), Repository.Files));

    [Fact]
    public void A_file_that_is_named_and_not_there_is_refused()
    {
        RepositoryFile document = new("docs/a.md", "see `a/A.cs`, `a/B.cs` and `C.cs`");
        Assert.Equal(["docs/a.md names a/B.cs, which is not there"], WalkRules.CheckPaths(document, [new("a/A.cs", "")]));
    }
}
