using Coordinator.Tests.Support;

namespace Coordinator.Tests.Architecture;

public sealed class TidyTests
{
    [Fact]
    public void The_repository_is_tidy() => Complaints.AssertNone(Repository.Files.SelectMany(TidyRules.Check));

    [Fact]
    public void No_folder_has_more_long_lines_than_it_had() => Complaints.AssertNone(TidyRules.CheckColumns(Repository.Files));

    [Fact]
    public void A_line_of_141_columns_is_refused_where_none_is_left_to_allow_and_one_of_140_passes()
    {
        Assert.Single(TidyRules.CheckColumns([new("new/A.cs", new string('x', 141))]));
        Assert.Empty(TidyRules.CheckColumns([new("new/A.cs", new string('x', 140)), new("new/a.md", new string('x', 500))]));
    }

    [Fact]
    public void Every_exception_is_still_needed()
    {
        var tooLong = Repository.Files.Where(file => file.Text.Count(c => c == '\n') > TidyRules.MaximumLines).Select(file => file.Path);
        var paths = Repository.Files.Select(file => file.Path);

        Assert.Empty(TidyRules.LongFiles.Keys.Except(tooLong));
        Assert.Empty(TidyRules.WaitingTests.Keys.Except(paths));
    }

    [Theory]
    [InlineData("worker/A.cs", "// TODO: later")]
    [InlineData("worker/A.cs", "throw new NotImplementedException();")]
    [InlineData(".ci/run", "# HACK")]
    [InlineData("tests/core/A.cs", "Thread.Sleep(1);")]
    [InlineData("tests/core/A.cs", "await Task.Delay(100);")]
    [InlineData("tests/core/A.cs", "using var run = new Executable(\"train\");")]
    [InlineData("tests/core/A.cs", "Process.Start(\"mkfifo\", [path]);")]
    [InlineData("README.md", "cd /wo" + "rk/main")]
    [InlineData("check.sh", "export HOME=/ro" + "ot/x")]
    [InlineData("docs/a.md", "see C:\\Users\\me")]
    [InlineData("NuGet.config", "value=\"https://api.nuget.org/v3/" + "index.json\"")]
    [InlineData("web/package-lock.json", "\"resolved\": \"http://registry.example/uplot.tgz\"")]
    public void An_untidy_line_is_refused(string path, string line) =>
        Assert.Single(TidyRules.Check(new RepositoryFile(path, line)));

    [Theory]
    [InlineData("worker/A.cs", "await Task.Delay(backoff, time, cancel);")]
    [InlineData("docs/a.md", "The method, todo lists and https://learn.microsoft.com/dotnet")]
    [InlineData("check.sh", "cp \"$here/work/x\" .")]
    [InlineData("tests/processes/A.cs", "using var run = new Executable(\"train\");")]
    public void A_tidy_line_passes(string path, string line) =>
        Assert.Empty(TidyRules.Check(new RepositoryFile(path, line)));

    [Fact]
    public void A_file_of_501_lines_is_refused_and_one_of_500_passes()
    {
        Assert.Single(TidyRules.Check(new RepositoryFile("server/A.cs", new string('\n', 501))));
        Assert.Empty(TidyRules.Check(new RepositoryFile("server/A.cs", new string('\n', 500))));
    }
}
