using Coordinator.Decoders;

namespace Coordinator.Tests.Decoders;

/// <summary>What a reader allocates is counted, so nothing may allocate beside it.</summary>
[CollectionDefinition("decoders", DisableParallelization = true)]
public static class DecoderRuns;

/// <summary>A part of what <c>bench decoders</c> feeds: the same seed, the first inputs.</summary>
[Collection("decoders")]
public sealed class DecoderTests
{
    private const ulong Seed = 1;
    private const long Inputs = 30_000;

    public static TheoryData<string> Names => [.. DecoderTargets.All.Select(row => row.Make().Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Generated_inputs_are_accepted_or_refused_as_declared_within_the_limits_of_time_and_memory(string name)
    {
        var (make, percent) = DecoderTargets.All.Single(row => row.Make().Name == name);
        var target = make();
        using var owned = target as IDisposable;
        var report = DecoderRun.Feed(target, Seed, Inputs * percent / 100);

        // Both happen, or the inputs are too weak or too strong to say anything.
        Assert.InRange(report.Accepted, report.Inputs / 20, report.Inputs * 19 / 20);
    }

    [Fact]
    public void The_shares_of_all_readers_are_the_whole() => Assert.Equal(100, DecoderTargets.All.Sum(row => row.Percent));

    [Theory]
    [InlineData(Flaw.ThrowsWhatIsNotDeclared, "IndexOutOfRangeException")]
    [InlineData(Flaw.RefusesWhatIsValid, "a valid input was refused")]
    [InlineData(Flaw.TakesTooMuchMemory, "are its limit")]
    [InlineData(Flaw.ContradictsItself, "twice two is five")]
    public void A_reader_with_a_flaw_is_found_and_the_input_is_named(Flaw flaw, string said)
    {
        var found = Assert.Throws<DecoderFailedException>(() => DecoderRun.Feed(new FlawedTarget(flaw), Seed, 1000));
        Assert.Contains(said, found.Message, StringComparison.Ordinal);
        Assert.Contains($"seed {Seed}, input {found.Index}", found.Message, StringComparison.Ordinal);
    }

    public enum Flaw
    {
        ThrowsWhatIsNotDeclared,
        RefusesWhatIsValid,
        TakesTooMuchMemory,
        ContradictsItself,
    }

    /// <summary>Reads a length and that many bytes, and has one flaw.</summary>
    private sealed class FlawedTarget(Flaw flaw) : DecoderTarget
    {
        public override string Name => "flawed";

        public override string About => "a length and so many bytes";

        public override long MostAllocated(int length) => 4096 + length;

        public override byte[] Make(Dice dice)
        {
            var body = dice.Bytes(dice.Below(20));
            return [(byte)body.Length, .. body];
        }

        public override bool Read(byte[] input)
        {
            if (input.Length == 0 || (input[0] >= input.Length && flaw != Flaw.ThrowsWhatIsNotDeclared))
                return false;
            if (flaw == Flaw.ThrowsWhatIsNotDeclared)
                _ = input[input[0]];
            if (flaw == Flaw.TakesTooMuchMemory && input[0] > 100)
                GC.KeepAlive(new byte[input[0] << 10]);
            Hold(flaw != Flaw.ContradictsItself || input[0] != 13, "twice two is five");
            return flaw != Flaw.RefusesWhatIsValid || input[0] != 7;
        }
    }
}
