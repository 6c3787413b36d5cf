namespace Coordinator.Tests.Support;

/// <summary>Asserts that rules have nothing to complain of.</summary>
public static class Complaints
{
    /// <summary>Fails with every complaint in full: xunit's own assertions on collections cut their items short.</summary>
    public static void AssertNone(IEnumerable<string> complaints)
    {
        var all = complaints.ToList();
        Assert.True(all.Count == 0, string.Join('\n', all));
    }
}
