namespace Coordinator.Tests.Architecture;

public sealed class NumericsRuleTests
{
    private const string ListPath = "eng/banned/BannedSymbols.Numerics.txt";

    [Fact]
    public void The_list_that_the_analyzer_reads_is_the_rule_written_out()
    {
        var listed = Repository.Files.Single(file => file.Path == ListPath).Text
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("//", StringComparison.Ordinal));

        // On a mismatch this file is what to copy.
        File.WriteAllLines(Path.Combine(AppContext.BaseDirectory, Path.GetFileName(ListPath)), NumericsRule.Lines());
        Assert.Equal(NumericsRule.Lines(), listed);
    }

    [Theory]
    [InlineData("M:System.Math.Exp(System.Double)")]
    [InlineData("M:System.Single.Tanh(System.Single)")]
    [InlineData("M:System.Runtime.Intrinsics.Vector256.Sum``1(System.Runtime.Intrinsics.Vector256{``0})")]
    [InlineData("M:System.Numerics.IExponentialFunctions`1.Exp(`0)")]
    [InlineData("T:System.Random")]
    public void Operations_without_fixed_bits_are_banned(string symbol) =>
        Assert.Contains(NumericsRule.Lines(), line => line.StartsWith(symbol + ";", StringComparison.Ordinal));

    [Theory]
    [InlineData("M:System.Math.Sqrt(System.Double)")]
    [InlineData("M:System.MathF.FusedMultiplyAdd(System.Single,System.Single,System.Single)")]
    [InlineData("M:System.Math.Floor(System.Double)")]
    public void Correctly_rounded_operations_are_not(string symbol) =>
        Assert.DoesNotContain(NumericsRule.Lines(), line => line.StartsWith(symbol, StringComparison.Ordinal));
}
